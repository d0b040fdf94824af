import { CODE, type Code, type MicroError } from '@micro/core';
import { brokerError, reasonOf } from '@micro/core/plugin';
import { ErrorCode, type NatsConnection, NatsError } from 'nats';

/** What JetStream says when it does not do something. */
export interface ApiFailure {
  readonly code: number;
  /** The server's own number for it. */
  readonly number: number;
  readonly description: string;
}

/** What a question to JetStream came to. */
export type ApiAnswer = { readonly value: Readonly<Record<string, unknown>> } | { readonly failure: ApiFailure };

/** Numbers of the server's own list of errors that mean something here. */
export const FAILURE = {
  streamNotFound: 10_059,
  consumerNotFound: 10_014,
  streamNameInUse: 10_058,
  consumerExists: 10_013,
  notEnabled: 10_076,
  notEnabledForAccount: 10_039,
  invalidConfig: 10_052,
  noReplicas: 10_074,
  noPeers: 10_005,
  fullOfMessages: 10_077,
  tooLargeForStream: 10_054,
} as const;

/** What no second try puts right, though the server calls it its own fault. */
const FOR_GOOD: ReadonlySet<number> = new Set([
  FAILURE.notEnabled,
  FAILURE.notEnabledForAccount,
  FAILURE.invalidConfig,
  FAILURE.noReplicas,
]);

/** How long JetStream may take to answer one question, in milliseconds. */
const ANSWER_MS = 2_000;

/**
 * Asks JetStream's API, whose subjects are in its documentation (`STREAM.INFO.<stream>`, …). What it refuses is an answer
 * (`failure`). Throws 503 when nobody answers.
 */
export async function askJetStream(
  connection: NatsConnection,
  subject: string,
  body: Readonly<Record<string, unknown>> = {},
): Promise<ApiAnswer> {
  const server = connection.getServer();
  let data: Uint8Array;
  try {
    const timeout = ANSWER_MS;
    ({ data } = await connection.request(subject, JSON.stringify(body), { timeout }));
  } catch (cause) {
    const code = cause instanceof NatsError ? cause.code : '';
    if (code === ErrorCode.NoResponders) {
      throw brokerError(
        CODE.unavailable,
        `the NATS server at ${server} has no JetStream now: does it run with -js?`,
        cause,
      );
    }
    if (code === ErrorCode.PermissionsViolation) {
      throw brokerError(
        CODE.forbidden,
        `the NATS server at ${server} does not let us use JetStream: ${subject}`,
        cause,
      );
    }
    const reason = code === ErrorCode.Timeout ? `no answer within ${ANSWER_MS} ms` : reasonOf(cause);
    throw brokerError(CODE.unavailable, `JetStream at ${server} did not answer ${subject}: ${reason}`, cause);
  }
  const value = objectOf(data);
  const failure = failureOf(value.error);
  return failure === undefined ? { value } : { failure };
}

/** A failure as an error, with what was wanted. */
export function apiError(wanted: string, { code, number, description }: ApiFailure): MicroError {
  return brokerError(codeOf(code, number), `JetStream refused ${wanted}: ${description} (${number})`);
}

/** The JSON object in some bytes; an empty one for what is none. */
export function objectOf(data: Uint8Array): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(Buffer.from(data.buffer, data.byteOffset, data.length).toString());
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

/** The `error` of an answer. */
export function failureOf(error: unknown): ApiFailure | undefined {
  if (typeof error !== 'object' || error === null) return undefined;
  const { code, err_code: number, description } = error as Readonly<Record<string, unknown>>;
  return {
    code: typeof code === 'number' ? code : 500,
    number: typeof number === 'number' ? number : 0,
    description: typeof description === 'string' ? description.slice(0, 200) : 'no reason',
  };
}

function codeOf(code: number, number: number): Code {
  if (FOR_GOOD.has(number)) return CODE.badRequest;
  // The server calls it a bad request, and yet has room for all copies as soon as a server is back, or has been heard of.
  if (code === 503 || number === FAILURE.noPeers) return CODE.unavailable;
  if (code === 400) return CODE.badRequest;
  if (code === 404) return CODE.notFound;
  return CODE.unavailable;
}
