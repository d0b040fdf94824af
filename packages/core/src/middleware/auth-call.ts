import type { Auth, Token } from '../contract/auth.ts';
import type { Context } from '../contract/context.ts';
import { HEADER } from '../contract/header.ts';
import type { Handler, Middleware, Request } from '../contract/middleware.ts';
import { CODE } from '../error/code.ts';
import { MicroError } from '../error/micro-error.ts';
import { unlessAborted } from '../util/abort.ts';
import { bearer, isToken } from './bearer.ts';
import { tokenSource } from './token-source.ts';

/** What `authCall` takes. Every number: `undefined` is the default, `0` is off. */
export interface AuthCallOptions {
  /** Who hands out tokens. */
  readonly auth: Auth;
  /** The account of this service, and its secret. Default: none, and without `token` calls carry no token. */
  readonly id?: string | undefined;
  readonly secret?: string | undefined;
  /** A token to begin with. It is renewed with its refresh token, or with `id` and `secret`, where there are such. */
  readonly token?: Token | undefined;
  /** What `Micro-Namespace` says unless the call says something. Default `go.micro`, as `--auth_namespace` in go-micro. */
  readonly namespace?: string | undefined;
  /** Use this token also for calls that carry an `Authorization` of their own (go-micro's `ServiceToken`). Default false. */
  readonly serviceToken?: boolean | undefined;
  /** How long the tokens that are asked for should live, in milliseconds. Default: the provider's own. */
  readonly ttlMs?: number | undefined;
  /** How long before its end a token is renewed, in milliseconds, at most half of its life. Default a fifth of its life. */
  readonly renewBeforeMs?: number | undefined;
  /** How long obtaining a token may take, in milliseconds. No call waits longer than its own deadline. Default 5,000. */
  readonly timeoutMs?: number | undefined;
}

/**
 * Client middleware that says who calls: `Authorization: Bearer <token>` and `Micro-Namespace`, as go-micro's `AuthCall`. A
 * token is obtained when the first call needs it and renewed, once for all calls, before it ends; calls wait only while
 * there is none. Unlike in go-micro a call whose token cannot be obtained fails, with the provider's error or 503, instead
 * of going out without one.
 */
export function authCall(options: AuthCallOptions): Middleware {
  const { auth, id, secret, token, namespace = 'go.micro', serviceToken = false } = options;
  if (token !== undefined && !isToken(token.accessToken)) {
    throw new MicroError({ code: CODE.badRequest, detail: 'the token given to authCall cannot be sent as one' });
  }
  const { ttlMs, renewBeforeMs, timeoutMs = 5_000 } = options;
  const hasToken = id !== undefined || token !== undefined;
  const source = tokenSource({ auth, id, secret, token, ttlMs, renewBeforeMs, timeoutMs });

  const send = (accessToken: string, next: Handler, request: Request, ctx: Context): unknown => {
    if (accessToken === '') return next(request, ctx);
    ctx.metadata.set(HEADER.AUTHORIZATION, bearer(accessToken));
    const reply = next(request, ctx);
    if (reply instanceof Promise) {
      // Only looked at: the caller gets the promise itself.
      reply.catch((error: unknown) => {
        if (error instanceof MicroError && error.code === CODE.unauthorized) source.refused(accessToken);
      });
    }
    return reply;
  };

  return (next) => (request, ctx) => {
    if (ctx.metadata.has(HEADER.AUTHORIZATION) && !serviceToken) return next(request, ctx);
    if (!ctx.metadata.has(HEADER.NAMESPACE) && namespace !== '') ctx.metadata.set(HEADER.NAMESPACE, namespace);
    if (!hasToken) return next(request, ctx);
    const accessToken = source.read();
    if (typeof accessToken === 'string') return send(accessToken, next, request, ctx);
    const waited = untilAborted(accessToken, ctx);
    const isStream = request.kind === 'serverStream' || request.kind === 'bidiStream';
    return isStream
      ? streamAfter(waited, (text) => send(text, next, request, ctx) as AsyncIterable<unknown>)
      : waited.then((text) => send(text, next, request, ctx));
  };
}

/** The messages of a stream that is opened when something has arrived. */
async function* streamAfter<T>(
  ready: Promise<T>,
  open: (value: T) => AsyncIterable<unknown>,
): AsyncGenerator<unknown, void, undefined> {
  yield* open(await ready);
}

/** The promise's outcome, unless the call is cancelled or its time runs out first. */
function untilAborted<T>(promise: Promise<T>, ctx: Context): Promise<T> {
  return unlessAborted(promise, ctx.signal, (cause) => {
    const isLate = ctx.timeLeft() === 0;
    return new MicroError({
      id: 'go.micro.client',
      code: isLate ? CODE.timeout : CODE.cancelled,
      detail: `${isLate ? 'call timeout' : 'call cancelled'}: ${ctx.service} ${ctx.endpoint}, while waiting for a token`,
      cause,
    });
  });
}
