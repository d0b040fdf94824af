import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { status as GRPC, Metadata } from '@grpc/grpc-js';
import { CODE, MicroError } from '@micro/core';
import { parseError } from '@micro/core/plugin';
import { ErrorSchema } from './gen/errors_pb.js';
import { StatusSchema } from './gen/status_pb.js';

/*
 * Errors as gRPC statuses and back, as go-micro's gRPC server and client do it: the error is the first detail of the
 * status, its JSON is the message, and the code is the nearest there is. Where go-micro has no code of its own (413, 429,
 * 499) the one that gRPC defines for the case stands in.
 */

/** How a gRPC call ended. */
export interface GrpcStatus {
  readonly code: number;
  readonly details: string;
  readonly metadata?: Metadata | null | undefined;
}

const DETAILS = 'grpc-status-details-bin';
const ERROR_TYPE = 'type.googleapis.com/errors.Error';
/** More than this of a foreign message is not kept. */
const LONGEST_DETAIL = 4_096;

const STATUS_OF: ReadonlyMap<number, number> = new Map<number, number>([
  [CODE.badRequest, GRPC.INVALID_ARGUMENT],
  [CODE.unauthorized, GRPC.UNAUTHENTICATED],
  [CODE.forbidden, GRPC.PERMISSION_DENIED],
  [CODE.notFound, GRPC.NOT_FOUND],
  [CODE.methodNotAllowed, GRPC.UNIMPLEMENTED],
  [CODE.timeout, GRPC.DEADLINE_EXCEEDED],
  [CODE.conflict, GRPC.ALREADY_EXISTS],
  [412, GRPC.FAILED_PRECONDITION],
  [CODE.tooLarge, GRPC.RESOURCE_EXHAUSTED],
  [CODE.unsupportedMediaType, GRPC.INVALID_ARGUMENT],
  [CODE.tooManyRequests, GRPC.RESOURCE_EXHAUSTED],
  [CODE.headerTooLarge, GRPC.RESOURCE_EXHAUSTED],
  [CODE.cancelled, GRPC.CANCELLED],
  [CODE.internal, GRPC.INTERNAL],
  [CODE.notImplemented, GRPC.UNIMPLEMENTED],
  [CODE.unavailable, GRPC.UNAVAILABLE],
]);

const CODE_OF: ReadonlyMap<number, number> = new Map<number, number>([
  [GRPC.CANCELLED, CODE.cancelled],
  [GRPC.UNKNOWN, CODE.internal],
  [GRPC.INVALID_ARGUMENT, CODE.badRequest],
  [GRPC.DEADLINE_EXCEEDED, CODE.timeout],
  [GRPC.NOT_FOUND, CODE.notFound],
  [GRPC.ALREADY_EXISTS, CODE.conflict],
  [GRPC.PERMISSION_DENIED, CODE.forbidden],
  [GRPC.RESOURCE_EXHAUSTED, CODE.tooManyRequests],
  [GRPC.FAILED_PRECONDITION, 412],
  [GRPC.ABORTED, CODE.conflict],
  [GRPC.OUT_OF_RANGE, CODE.badRequest],
  [GRPC.UNIMPLEMENTED, CODE.notImplemented],
  [GRPC.INTERNAL, CODE.internal],
  [GRPC.UNAVAILABLE, CODE.unavailable],
  [GRPC.DATA_LOSS, CODE.internal],
  [GRPC.UNAUTHENTICATED, CODE.unauthorized],
]);

/** An error as a status: the nearest code, its JSON as the message, itself as the first detail. */
export function statusOf(error: MicroError): GrpcStatus {
  const code = STATUS_OF.get(error.code) ?? GRPC.UNKNOWN;
  const details = JSON.stringify(error);
  const value = toBinary(
    ErrorSchema,
    create(ErrorSchema, { id: error.id, code: error.code | 0, detail: error.detail, status: error.status }),
  );
  const metadata = new Metadata();
  const status = create(StatusSchema, { code, message: details, details: [{ typeUrl: ERROR_TYPE, value }] });
  metadata.set(DETAILS, Buffer.from(toBinary(StatusSchema, status)));
  return { code, details, metadata };
}

/**
 * The error that a status stands for: the first detail where it is go-micro's, else the message where it is go-micro's
 * JSON, else the message with the nearest code. The status itself, with foreign details, is its `cause`.
 */
export function errorOf(status: GrpcStatus): MicroError {
  const known = detailOf(status) ?? jsonOf(status.details);
  if (known !== undefined) return known;
  // gRPC has one code for all that is too much; for a message that is too large the libraries have a sentence.
  const large = status.code === GRPC.RESOURCE_EXHAUSTED && /larger than|size/i.test(status.details);
  return new MicroError({
    id: 'go.micro.client',
    code: large ? CODE.tooLarge : (CODE_OF.get(status.code) ?? CODE.internal),
    detail: status.details.slice(0, LONGEST_DETAIL) || `status ${GRPC[status.code] ?? status.code} without a message`,
    cause: status,
    unexecuted: isRefusedStream(status),
  });
}

/** HTTP/2's word for a stream that the server has not looked at; only its library's sentence says so. */
function isRefusedStream({ code, details }: GrpcStatus): boolean {
  return code === GRPC.UNAVAILABLE && details.startsWith('Stream refused by server');
}

function detailOf({ metadata }: GrpcStatus): MicroError | undefined {
  const [bytes] = metadata?.get(DETAILS) ?? [];
  if (!(bytes instanceof Uint8Array)) return undefined;
  try {
    const [first] = fromBinary(StatusSchema, bytes).details;
    if (first?.typeUrl !== ERROR_TYPE) return undefined;
    const { id, code, detail, status } = fromBinary(ErrorSchema, first.value);
    return parseError(JSON.stringify({ id, code, detail, status }));
  } catch {
    // Not what it says it is; the message is still there.
    return undefined;
  }
}

function jsonOf(text: string): MicroError | undefined {
  if (!text.startsWith('{')) return undefined;
  const error = parseError(text);
  return error.code > 0 ? error : undefined;
}
