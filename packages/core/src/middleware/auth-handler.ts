import type { Account, Auth, Resource, Rules } from '../contract/auth.ts';
import type { Context } from '../contract/context.ts';
import { HEADER } from '../contract/header.ts';
import type { Middleware, Request } from '../contract/middleware.ts';
import { CODE } from '../error/code.ts';
import { MicroError } from '../error/micro-error.ts';
import { within } from '../util/within.ts';
import { readBearer } from './bearer.ts';

/** What `authHandler` takes. Every number: `undefined` is the default, `0` is off. */
export interface AuthHandlerOptions {
  /**
   * The name of the service that is protected: the resource that rules are asked about, and the id of errors. It is said here
   * because the name in a request is the caller's word for it: whoever may call one service could name that and call another.
   */
  readonly service: string;
  /** Who says whose token it is. */
  readonly auth: Auth;
  /** Who may call what. Default: every account may call everything, and nobody else anything. */
  readonly rules?: Rules | undefined;
  /** Endpoints that are not protected, as `Handler.Method` or `Handler.*`. Their callers' tokens are not looked at. Default none. */
  readonly publicEndpoints?: readonly string[] | undefined;
  /** A longer token is refused without asking anybody, in characters. Default 8,192. */
  readonly maxTokenLength?: number | undefined;
  /** How long finding out who calls, and whether they may, can take, in milliseconds. Default 5,000. */
  readonly timeoutMs?: number | undefined;
}

/**
 * Handler middleware that lets a request pass only when it is known who calls (else 401) and they may (else 403), and sets
 * `ctx.account`. A request without a token is a request of nobody in particular: it passes where a rule with scope `''` grants
 * it. A request with a token that is not valid never passes. go-micro v4.9.0 has no such wrapper; the rules, and what they
 * are asked about (type `service`, the service, the endpoint), are its own.
 */
export function authHandler(options: AuthHandlerOptions): Middleware {
  const { service, auth, rules, maxTokenLength = 8_192, timeoutMs = 5_000 } = options;
  if (typeof service !== 'string' || service === '') {
    throw new MicroError({
      code: CODE.badRequest,
      detail: 'authHandler needs the name of the service that it protects',
    });
  }
  const isPublic = endpointMatcher(options.publicEndpoints ?? []);

  const unauthorized = (detail: string): MicroError => new MicroError({ id: service, code: CODE.unauthorized, detail });

  const nobody = (endpoint: string): MicroError =>
    unauthorized(`${endpoint} needs an account: send ${HEADER.AUTHORIZATION}: Bearer <token>`);

  const tokenOf = (ctx: Context): string | undefined => {
    const value = ctx.metadata.get(HEADER.AUTHORIZATION);
    if (value === undefined || value === '') return undefined;
    const token = readBearer(value, maxTokenLength);
    if (token !== undefined) return token;
    const limit = maxTokenLength > 0 ? ` of at most ${maxTokenLength} characters` : '';
    throw unauthorized(`${HEADER.AUTHORIZATION} holds no token${limit}: send Bearer <token>`);
  };

  const admit = async (token: string | undefined, request: Request): Promise<Account | undefined> => {
    let account: Account | undefined;
    if (token !== undefined) {
      // A provider that answers nothing instead of throwing must not make its caller nobody in particular.
      account = (await auth.inspect(token)) ?? undefined;
      if (account === undefined) throw unauthorized('the token is not valid: get a new one');
    }
    if (rules !== undefined) {
      const resource: Resource = { type: 'service', name: service, endpoint: request.endpoint };
      try {
        await rules.verify(account, resource);
      } catch (error) {
        const isDenied = error instanceof MicroError && error.code === CODE.forbidden;
        throw isDenied && account === undefined ? nobody(request.endpoint) : error;
      }
    }
    return account;
  };

  return (next) => (request, ctx) => {
    if (isPublic(request.endpoint)) return next(request, ctx);
    const token = tokenOf(ctx);
    if (token === undefined && rules === undefined) throw nobody(request.endpoint);
    return within(limitOf(timeoutMs, ctx), `finding out who calls ${request.endpoint}`, () =>
      admit(token, request),
    ).then((account) => {
      ctx.account = account;
      return next(request, ctx);
    });
  };
}

/** Nobody waits for an answer after the deadline of the call. */
function limitOf(timeoutMs: number, ctx: Context): number {
  const limit = Math.min(timeoutMs === 0 ? Number.POSITIVE_INFINITY : timeoutMs, ctx.timeLeft());
  return limit === Number.POSITIVE_INFINITY ? 0 : Math.max(1, Math.ceil(limit));
}

function endpointMatcher(patterns: readonly string[]): (endpoint: string) => boolean {
  const exact = new Set(patterns.filter((pattern) => !pattern.endsWith('.*')));
  const handlers = new Set(patterns.filter((pattern) => pattern.endsWith('.*')).map((pattern) => pattern.slice(0, -2)));
  return (endpoint) => exact.has(endpoint) || handlers.has(endpoint.slice(0, endpoint.indexOf('.')));
}
