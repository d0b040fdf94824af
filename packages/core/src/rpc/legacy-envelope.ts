import { CODE } from '../error/code.ts';
import { MicroError } from '../error/micro-error.ts';
import { reasonOf } from '../util/reason.ts';

const LONGEST_METHOD = 1_024;
const LONGEST_ID = 256;

/** A request out of, or for, a legacy envelope. */
export interface LegacyRequest {
  /** `Handler.Method`; `''` when the envelope does not say. */
  readonly method: string;
  /** `''` when the envelope does not say. proto-rpc knows unsigned 64-bit integers only; it writes any other id as 0. */
  readonly id: string;
  /** The encoded value inside, a view of what was read. Empty: an empty message. */
  readonly body: Uint8Array;
}

/** A reply out of, or for, a legacy envelope. */
export interface LegacyReply {
  /** The id of its request; go-micro leaves it empty beside an error. */
  readonly id: string;
  readonly body: Uint8Array;
  /** `''` when there is none. With an error the body is empty. */
  readonly error: string;
}

/**
 * What go-micro wraps around a value for peers that do not speak its header fields. Reading throws a 400 that says what is
 * wrong with the bytes.
 */
export interface LegacyEnvelope {
  writeRequest(request: LegacyRequest): Uint8Array;
  readRequest(bytes: Uint8Array): LegacyRequest;
  writeReply(reply: LegacyReply): Uint8Array;
  readReply(bytes: Uint8Array): LegacyReply;
}

/** Runs a reader of an envelope; what it throws becomes a 400 that names the envelope. */
export function reading<T>(envelope: string, read: () => T): T {
  try {
    return read();
  } catch (cause) {
    throw new MicroError({
      code: CODE.badRequest,
      detail: `cannot read the ${envelope} envelope: ${reasonOf(cause)}`,
      cause,
    });
  }
}

/** Method and id of a foreign envelope, short enough to be looked up, logged and sent back. */
export function checkedHead(method: string, id: string): { readonly method: string; readonly id: string } {
  if (method.length > LONGEST_METHOD) throw new Error(`the method has more than ${LONGEST_METHOD} characters`);
  if (id.length > LONGEST_ID) throw new Error(`the id has more than ${LONGEST_ID} characters`);
  return { method, id };
}
