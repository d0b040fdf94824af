import type { Codec } from '../contract/codec.ts';
import type { Endpoint } from '../contract/definition.ts';
import type { Header } from '../contract/message.ts';
import type { Socket } from '../contract/transport.ts';
import { CODE, REFUSED } from '../error/code.ts';
import { MicroError } from '../error/micro-error.ts';
import { errorMessage, type RequestHead } from '../rpc/wire.ts';
import { reasonOf } from '../util/reason.ts';
import type { DeadlineWatch, RequestContext } from './request-context.ts';
import type { Route, Router } from './router.ts';
import type { Subscribers } from './subscribers.ts';

/** What serving needs from its server. */
export interface ServeParts {
  readonly name: string;
  readonly router: Router;
  readonly codecs: (contentType: string) => Codec | undefined;
  /** Hands an event that came as a request to its subscribers. */
  readonly dispatch: Subscribers['dispatch'];
  readonly deadlines: DeadlineWatch;
  /** Why no request is taken now, or `undefined`. */
  readonly refusal: () => string | undefined;
  /** A request began; one was answered. */
  readonly began: () => void;
  readonly ended: () => void;
  /** A request is answered with an error, whatever error it is. */
  readonly erred: () => void;
  /** A handler threw what is no answer to anybody, the error's cause: it is written down. */
  readonly failed: (endpoint: string, error: MicroError) => void;
}

/** All that the fields of a request lead to: found once where they repeat. */
export interface Prepared {
  readonly head: RequestHead;
  readonly route: Route;
  readonly codec: Codec;
  readonly replyHeader: Header;
}

/** A reply as bytes. That a handler's answer cannot be encoded is its own failure, not one of the request. */
export function encodeReply(value: unknown, endpoint: Endpoint, codec: Codec): Uint8Array {
  try {
    return codec.encode(value, endpoint.output);
  } catch (cause) {
    throw new Error(`the answer of ${endpoint.name} cannot be encoded: ${reasonOf(cause)}`, { cause });
  }
}

/** The request is answered, or there is nobody left to answer. */
export function finished(ctx: RequestContext, parts: ServeParts): void {
  ctx.finish();
  parts.ended();
}

/** The door for errors: a `MicroError` goes out as it is, anything else as a 500 of this service. */
export function answerError(socket: Socket, error: unknown, header: Header, parts: ServeParts, endpoint: string): void {
  const known = MicroError.from(error, { id: parts.name, code: CODE.internal });
  parts.erred();
  if (known !== error) parts.failed(endpoint, known);
  try {
    const room = socket.end(errorMessage(known, header));
    if (room !== undefined) room.catch(ignore);
  } catch {
    // The caller is gone, or not even the error can be told: nobody should wait for it.
    socket.close(known);
  }
}

/**
 * The same for what a handler, or middleware around it, threw. That something further down was refused, a call or an
 * event, does not mean that this handler did not run: said on, it would make the caller run it again.
 */
export function answerFailure(
  socket: Socket,
  error: unknown,
  header: Header,
  parts: ServeParts,
  endpoint: string,
): void {
  if (!(error instanceof MicroError) || error.id !== REFUSED) {
    answerError(socket, error, header, parts, endpoint);
    return;
  }
  const { code, detail, status } = error;
  answerError(socket, new MicroError({ id: parts.name, code, detail, status, cause: error }), header, parts, endpoint);
}

function ignore(): void {}
