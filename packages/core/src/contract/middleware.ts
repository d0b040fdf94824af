import type { Context } from './context.ts';
import type { Kind } from './definition.ts';

/** A call as middleware sees it: decoded, on both sides. */
export interface Request {
  readonly service: string;
  /** The endpoint on the wire, `Handler.Method`. */
  readonly endpoint: string;
  readonly kind: Kind;
  readonly contentType: string;
  /** The message; for `clientStream` and `bidiStream` an `AsyncIterable` of messages. */
  readonly body: unknown;
}

/**
 * Answers a request with a message, or for `serverStream` and `bidiStream` with an `AsyncIterable` of messages. Throws
 * what went wrong.
 */
export type Handler = (request: Request, ctx: Context) => unknown;

/**
 * Wraps a handler; the same type on both sides. The first one configured runs first (outermost). Middleware that only
 * looks at the request returns `next(request, ctx)` as it is: an `async` wrapper costs a promise per call.
 */
export type Middleware = (next: Handler) => Handler;
