import { CODE, type Code, MicroError } from '@micro/core';
import { reasonOf } from '@micro/core/plugin';

/** Makes the errors of one component: its id, such as `go.micro.store`, says who speaks. */
export type ErrorOf = (code: Code, detail: string, cause?: unknown) => MicroError;

/** The maker of the errors with an id. */
export function errorsOf(id: string): ErrorOf {
  return (code, detail, cause) => new MicroError({ id, code, detail, cause });
}

const REPLY_ERROR = 'ReplyError';

/** The first word of a reply that says: not here, or not now. The same command may work in a moment. */
const PASSING: ReadonlySet<string> = new Set([
  ...['READONLY', 'LOADING', 'MASTERDOWN', 'CLUSTERDOWN', 'TRYAGAIN', 'NOREPLICAS', 'UNBLOCKED'],
]);

/** The first word of a reply that says: not you. */
const UNKNOWN_CALLER: ReadonlySet<string> = new Set(['NOAUTH', 'WRONGPASS']);

/** Whether a command that failed so may be sent again: its server was lost, or said that it is not its turn. */
export function isPassing(cause: unknown): boolean {
  return !isReply(cause) || PASSING.has(firstWord(cause));
}

/** Whether it said that another node of its cluster has the key, to a client that knows of no cluster. */
export function isElsewhere(cause: unknown): boolean {
  return ['MOVED', 'ASK', 'CROSSSLOT'].includes(firstWord(cause));
}

/** Why the server does not want this client at all, if that is what it said. */
export function refusalOf(cause: unknown): { readonly code: Code; readonly reason: string } | undefined {
  // ioredis wraps what the last node of a cluster said.
  const inner = cause instanceof Error && 'lastNodeError' in cause ? (cause.lastNodeError ?? cause) : cause;
  const word = firstWord(inner);
  if (UNKNOWN_CALLER.has(word)) return { code: CODE.unauthorized, reason: textOf(inner) };
  if (word === 'NOPERM') return { code: CODE.forbidden, reason: textOf(inner) };
  if (/^ERR (?:invalid password|AUTH )/.test(textOf(inner))) {
    return { code: CODE.unauthorized, reason: textOf(inner) };
  }
  // ioredis would go on with database 0.
  if (/^ERR (?:DB index|invalid DB)/i.test(textOf(inner))) return { code: CODE.badRequest, reason: textOf(inner) };
  return undefined;
}

/** The code of what a server answered instead of doing what it was told. */
export function codeOfReply(cause: unknown): Code {
  const refusal = refusalOf(cause);
  if (refusal !== undefined) return refusal.code;
  switch (firstWord(cause)) {
    case 'OOM':
      return CODE.tooManyRequests;
    case 'WRONGTYPE':
      return CODE.conflict;
    default:
      return CODE.unavailable;
  }
}

/** The text of what was caught, for a log or an error. What ioredis adds about its own next attempt is left out. */
export function textOf(cause: unknown): string {
  const text = reasonOf(cause instanceof Error && cause.message === '' ? codeOf(cause) : cause);
  return text
    .replace(/^all sentinels are unreachable\. retrying from scratch after [\d.]+ms\./i, 'no sentinel can be reached:')
    .replace(/ last error: /i, ' ')
    .replace(/\.$/, '')
    .replace(/^socket timeout\. .*?(\d+)ms\.?$/, 'it was silent for $1 ms');
}

/** A failed attempt to connect to several addresses of one name has no message, but a code. */
function codeOf(error: Error): string {
  return 'code' in error && typeof error.code === 'string' ? error.code : error.name;
}

/** The error of a command whose answer is none of those that Redis gives: whoever answered is something else. */
export function oddReply(command: string, reply: unknown): Error {
  const error = new Error(`what ${command} was answered with is no answer of redis: ${typeof reply}`);
  error.name = REPLY_ERROR;
  return error;
}

/** What the server itself said. ioredis gives its errors this name in every version. */
function isReply(cause: unknown): boolean {
  return cause instanceof Error && cause.name === REPLY_ERROR;
}

function firstWord(cause: unknown): string {
  return cause instanceof Error ? (cause.message.split(' ', 1)[0] ?? '') : '';
}
