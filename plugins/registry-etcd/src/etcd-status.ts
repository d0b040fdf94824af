import { CODE, MicroError } from '@micro/core';
import { reasonOf, registryError } from '@micro/core/plugin';

/** What gRPC calls the outcomes that are told apart here. */
export const STATUS = {
  cancelled: 1,
  unknown: 2,
  deadlineExceeded: 4,
  permissionDenied: 7,
  resourceExhausted: 8,
  outOfRange: 11,
  internal: 13,
  unavailable: 14,
  unauthenticated: 16,
} as const;

/** How a call to etcd failed. */
export interface EtcdStatus {
  /** One of gRPC's numbers. */
  readonly code: number;
  /** What the server or the connection said. */
  readonly details: string;
}

/**
 * The status of a caught error, however it was wrapped: gRPC's own carry a number, etcd3's only a text that begins with it,
 * and those of etcd3's circuit breaker neither.
 */
export function statusOf(error: unknown): EtcdStatus {
  if (!(error instanceof Error)) return { code: STATUS.unknown, details: String(error) };
  if (error instanceof MicroError) {
    return { code: error.code === CODE.timeout ? STATUS.deadlineExceeded : STATUS.unknown, details: error.detail };
  }
  const [, number, text] = /(?:^|: )(\d{1,2}) [A-Z_]+: ?(.*)$/s.exec(error.message) ?? [];
  if ('code' in error && typeof error.code === 'number') return { code: error.code, details: text ?? error.message };
  if (number !== undefined && text !== undefined) return { code: Number(number), details: text };
  const isCut = /circuit breaker|already closed|was closed|stream ended/i.test(error.message);
  return { code: isCut ? STATUS.unavailable : STATUS.unknown, details: error.message };
}

/** Whether the server did not answer, or cannot answer now; another one, or the same one later, may. */
export function isUnreachable({ code }: EtcdStatus): boolean {
  return (
    code === STATUS.unavailable ||
    code === STATUS.deadlineExceeded ||
    code === STATUS.cancelled ||
    code === STATUS.internal
  );
}

/** Whether etcd itself said so: it lives, and has no leader at the moment. */
export function isElecting(status: EtcdStatus): boolean {
  return status.code === STATUS.unavailable && status.details.includes('etcdserver:');
}

/** Whether the token is no longer taken: it was not used for long, or the server that gave it was started anew. */
export function isTokenLost({ details }: EtcdStatus): boolean {
  return /etcdserver: (invalid auth token|revision of auth store is old|auth: revision|user name is empty)/.test(
    details,
  );
}

/** Whether there is no such lease, or no longer. */
export function isLeaseLost({ details }: EtcdStatus): boolean {
  return details.includes('requested lease not found');
}

/** Whether the past that was asked for is gone, or was never: the data are others than they were. */
export function isHistoryLost({ code, details }: EtcdStatus): boolean {
  return code === STATUS.outOfRange || /required revision|future revision/.test(details);
}

/** Whether the past that was asked for is gone because nobody needed it any more. */
export function isCompacted({ details }: EtcdStatus): boolean {
  return details.includes('has been compacted');
}

/** Whether an answer was larger than the client takes. */
export function isTooLarge({ code, details }: EtcdStatus): boolean {
  return code === STATUS.resourceExhausted && details.includes('larger than max');
}

/** Whether who asks is not known, or may not; no other server would say otherwise. */
export function isRefused({ code, details }: EtcdStatus): boolean {
  return code === STATUS.unauthenticated || code === STATUS.permissionDenied || UNKNOWN_USER.test(details);
}

const UNKNOWN_USER = /etcdserver: (authentication failed|invalid auth token|user name)/;
const HINT = 'is it running, and can it be reached?';

/**
 * The error that a caller gets for what failed while `what` was done, which names the servers: 408 when they did not answer
 * in time, 401 and 403 when they refuse, 413 for what is too large for them, 503 for anything else.
 */
export function errorOf(what: string, error: unknown): MicroError {
  if (error instanceof MicroError) {
    if (error.code !== CODE.timeout) return error;
    return registryError(CODE.timeout, `${error.detail}; ${HINT}`, error);
  }
  const status = statusOf(error);
  const reason = reasonOf(plain(status.details));
  if (isRefused(status)) {
    const code = UNKNOWN_USER.test(status.details) ? CODE.unauthorized : CODE.forbidden;
    return registryError(code, `${what} was refused: ${reason}; check the user, the password and the roles`, error);
  }
  if (isTooLarge(status) || reason.includes('request is too large')) {
    return registryError(CODE.tooLarge, `${what} failed: ${reason}`, error);
  }
  if (status.code === STATUS.deadlineExceeded) {
    return registryError(CODE.timeout, `${what} took too long; ${HINT}`, error);
  }
  const hint = status.code === STATUS.unavailable && !isElecting(status) ? `; ${HINT}` : '';
  return registryError(CODE.unavailable, `${what} failed: ${reason}${hint}`, error);
}

/** gRPC wraps the reason of a connection in words, a date and notes. */
function plain(details: string): string {
  return details
    .replace(/^No connection established\. Last error: (?:Error: )?/, '')
    .replace(/\.?\s*(?:\(\d{4}-\d\d-\d\dT[^)]*\)\.?)?\s*Resolution note:.*$/s, '');
}
