import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { memoryAuth } from '../../src/auth/memory-auth.ts';
import { noopAuth } from '../../src/auth/noop-auth.ts';
import type { Auth, Token, TokenOptions } from '../../src/contract/auth.ts';
import type { Context } from '../../src/contract/context.ts';
import type { Kind } from '../../src/contract/definition.ts';
import type { Middleware, Request } from '../../src/contract/middleware.ts';
import { CODE } from '../../src/error/code.ts';
import { MicroError } from '../../src/error/micro-error.ts';
import { authCall } from '../../src/middleware/auth-call.ts';
import { createMetadata } from '../../src/util/metadata.ts';

/** Hands out `token-1`, `token-2`, … and remembers what it was asked. */
function provider(answer: (count: number, asked: TokenOptions) => Promise<Token> = async (count) => tokenOf(count)) {
  const asked: TokenOptions[] = [];
  const auth: Auth = {
    ...noopAuth(),
    name: 'test',
    token(options) {
      asked.push(options);
      return answer(asked.length, options);
    },
  };
  return { auth, asked };
}

function tokenOf(count: number, ttlMs = 60_000): Token {
  const createdAt = Date.now();
  return { accessToken: `token-${count}`, refreshToken: `refresh-${count}`, createdAt, expiresAt: createdAt + ttlMs };
}

interface Sent {
  readonly authorization: string | undefined;
  readonly namespace: string | undefined;
}

/** Calls through the middleware and answers with what would have been sent. */
async function call(handler: ReturnType<Middleware>, ctx = context()): Promise<Sent> {
  return (await handler(request('unary'), ctx)) as Sent;
}

function sender(middleware: Middleware): ReturnType<Middleware> {
  return middleware(async (_, ctx) => sent(ctx));
}

function sent(ctx: Context): Sent {
  return { authorization: ctx.metadata.get('authorization'), namespace: ctx.metadata.get('micro-namespace') };
}

function request(kind: Kind): Request {
  return { service: 'greeter', endpoint: 'Greeter.Hello', kind, contentType: 'application/json', body: {} };
}

function context(
  given: { metadata?: Record<string, string>; signal?: AbortSignal; timeLeftMs?: number } = {},
): Context {
  return {
    service: 'greeter',
    endpoint: 'Greeter.Hello',
    metadata: createMetadata(given.metadata),
    signal: given.signal ?? new AbortController().signal,
    timeLeft: () => given.timeLeftMs ?? Number.POSITIVE_INFINITY,
  } as unknown as Context;
}

const ALICE = { id: 'alice', secret: 's3cret' };

describe('authCall', () => {
  it('attaches a token that it obtains with id and secret, and obtains it once', async () => {
    const { auth, asked } = provider();
    const handler = sender(authCall({ auth, ...ALICE, ttlMs: 5_000 }));
    expect(asked).toEqual([]);
    const first = await Promise.all([call(handler), call(handler), call(handler)]);
    expect([...first, await call(handler)]).toEqual(
      Array.from({ length: 4 }, () => ({ authorization: 'Bearer token-1', namespace: 'go.micro' })),
    );
    expect(asked).toEqual([{ ...ALICE, ttlMs: 5_000 }]);
  });

  it('returns what is below as it is once it has a token', async () => {
    const { auth } = provider();
    const reply = { msg: 'hello' };
    const handler = authCall({ auth, ...ALICE })(() => reply);
    await handler(request('unary'), context());
    expect(handler(request('unary'), context())).toBe(reply);
  });

  it('leaves an Authorization that a call has, unless it is to use its own always', async () => {
    const { auth, asked } = provider();
    const metadata = { authorization: 'Bearer mine' };
    const polite = sender(authCall({ auth, ...ALICE }));
    // As in go-micro, the namespace then is the caller's business too.
    expect(await call(polite, context({ metadata }))).toEqual({ authorization: 'Bearer mine', namespace: undefined });
    expect(asked).toEqual([]);
    const strict = sender(authCall({ auth, ...ALICE, serviceToken: true }));
    expect(await call(strict, context({ metadata }))).toMatchObject({ authorization: 'Bearer token-1' });
  });

  it('names the namespace it was given, where the call names none', async () => {
    const handler = sender(authCall({ auth: provider().auth, namespace: 'shop' }));
    expect(await call(handler)).toEqual({ authorization: undefined, namespace: 'shop' });
    expect(await call(handler, context({ metadata: { 'micro-namespace': 'mine' } }))).toMatchObject({
      namespace: 'mine',
    });
    const silent = sender(authCall({ auth: provider().auth, namespace: '' }));
    expect(await call(silent)).toEqual({ authorization: undefined, namespace: undefined });
  });

  it('sends nothing where the provider has nothing to give, as noop', async () => {
    const handler = sender(authCall({ auth: noopAuth(), ...ALICE }));
    expect(await call(handler)).toEqual({ authorization: undefined, namespace: 'go.micro' });
    expect(await call(handler)).toEqual({ authorization: undefined, namespace: 'go.micro' });
  });

  it('begins with the token that it was given', async () => {
    const { auth, asked } = provider();
    const handler = sender(authCall({ auth, token: tokenOf(0) }));
    expect(await call(handler)).toMatchObject({ authorization: 'Bearer token-0' });
    expect(asked).toEqual([]);
  });

  it('fails calls with the error of the provider, or with 503 and its reason', async () => {
    const refusal = new MicroError({ id: 'go.micro.auth', code: CODE.unauthorized, detail: 'no such account' });
    const refusing = sender(authCall({ auth: provider(() => Promise.reject(refusal)).auth, ...ALICE }));
    await expect(call(refusing)).rejects.toBe(refusal);
    const broken = provider(() => Promise.reject(new TypeError('Fetch failed')));
    await expect(call(sender(authCall({ auth: broken.auth, ...ALICE })))).rejects.toMatchObject({
      code: CODE.unavailable,
      detail: 'cannot get a token from test: fetch failed',
    });
  });

  it('asks a provider that fails no more than once in a second', async () => {
    const { auth, asked } = provider(() => Promise.reject(new Error('down')));
    const handler = sender(authCall({ auth, ...ALICE }));
    for (let times = 0; times < 5; times++) await expect(call(handler)).rejects.toThrow('down');
    expect(asked).toHaveLength(1);
  });

  it('does not wait for a provider longer than its limit', async () => {
    const { auth } = provider(() => new Promise(() => {}));
    await expect(call(sender(authCall({ auth, ...ALICE, timeoutMs: 20 })))).rejects.toMatchObject({
      code: CODE.timeout,
      detail: 'getting a token from test took longer than 20 ms',
    });
  });

  it.each([
    ['cancelled', CODE.cancelled, Number.POSITIVE_INFINITY],
    ['late', CODE.timeout, 0],
  ])('does not make a call wait that is %s, and the others go on waiting', async (_, code, timeLeftMs) => {
    let hand: (token: Token) => void = () => {};
    const { auth } = provider(
      () =>
        new Promise((resolve) => {
          hand = resolve;
        }),
    );
    const handler = sender(authCall({ auth, ...ALICE }));
    const controller = new AbortController();
    const given = call(handler, context({ signal: controller.signal, timeLeftMs }));
    const other = call(handler);
    controller.abort();
    await expect(given).rejects.toMatchObject({ code, detail: expect.stringContaining('waiting for a token') });
    await expect(call(handler, context({ signal: controller.signal, timeLeftMs }))).rejects.toMatchObject({ code });
    hand(tokenOf(1));
    expect(await other).toMatchObject({ authorization: 'Bearer token-1' });
  });

  it('never sends, nor shows, a token that could break out of its header', async () => {
    const secret = 'abc\r\nMicro-Endpoint: Admin.Drop';
    const { auth } = provider(async () => ({ ...tokenOf(1), accessToken: secret }));
    const error = await call(sender(authCall({ auth, ...ALICE }))).catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: CODE.unavailable });
    expect(String(error)).not.toContain('abc');
    expect(() => authCall({ auth, token: { ...tokenOf(1), accessToken: secret } })).toThrow('cannot be sent');
  });

  it.each(['serverStream', 'bidiStream'] as const)(
    'opens a %s when the token is there, and ends it early',
    async (kind) => {
      const { auth } = provider();
      let isEnded = false;
      async function* numbers(_: Request, ctx: Context): AsyncGenerator<unknown> {
        try {
          for (;;) yield sent(ctx).authorization;
        } finally {
          isEnded = true;
        }
      }
      const stream = authCall({ auth, ...ALICE })(numbers)(request(kind), context()) as AsyncIterable<unknown>;
      for await (const authorization of stream) {
        expect(authorization).toBe('Bearer token-1');
        break;
      }
      expect(isEnded).toBe(true);
    },
  );

  it('works with a provider that is real', async () => {
    const auth = memoryAuth();
    const { secret } = await auth.generate('alice');
    const { authorization } = await call(sender(authCall({ auth, id: 'alice', secret })));
    expect((await auth.inspect(String(authorization).slice('Bearer '.length))).id).toBe('alice');
  });
});

describe('a token', () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it('is renewed with its refresh token in the last fifth of its life, while calls go on with it', async () => {
    const { auth, asked } = provider();
    const handler = sender(authCall({ auth, ...ALICE }));
    await call(handler);
    await vi.advanceTimersByTimeAsync(47_000);
    expect(await call(handler)).toMatchObject({ authorization: 'Bearer token-1' });
    expect(asked).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(2_000);
    expect(await call(handler)).toMatchObject({ authorization: 'Bearer token-1' });
    await vi.advanceTimersByTimeAsync(0);
    expect(await call(handler)).toMatchObject({ authorization: 'Bearer token-2' });
    expect(asked).toEqual([
      { ...ALICE, ttlMs: undefined },
      { refreshToken: 'refresh-1', ttlMs: undefined },
    ]);
  });

  it('is renewed as long before its end as was asked for, but not in the first half of its life', async () => {
    for (const [renewBeforeMs, renewsAfter] of [
      [10_000, 50_000],
      [1_000_000, 30_000],
      [0, 60_000],
    ] as const) {
      const { auth, asked } = provider();
      const handler = sender(authCall({ auth, ...ALICE, renewBeforeMs }));
      await call(handler);
      await vi.advanceTimersByTimeAsync(renewsAfter - 1);
      await call(handler);
      expect(asked).toHaveLength(1);
      await vi.advanceTimersByTimeAsync(1);
      await call(handler);
      expect(asked).toHaveLength(2);
    }
  });

  it('that has run out is waited for, never sent', async () => {
    const { auth } = provider();
    const handler = sender(authCall({ auth, ...ALICE }));
    await call(handler);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(await call(handler)).toMatchObject({ authorization: 'Bearer token-2' });
  });

  it('is used until its end while renewing it fails, and renewing is tried again', async () => {
    let isDown = true;
    const { auth, asked } = provider(async (count) => {
      if (count > 1 && isDown) throw new Error('down');
      return tokenOf(count);
    });
    const handler = sender(authCall({ auth, ...ALICE }));
    await call(handler);
    await vi.advanceTimersByTimeAsync(50_000);
    for (let times = 0; times < 3; times++) {
      expect(await call(handler)).toMatchObject({ authorization: 'Bearer token-1' });
    }
    // Once with the refresh token, once with id and secret.
    expect(asked).toHaveLength(3);
    await vi.advanceTimersByTimeAsync(10_000);
    await expect(call(handler)).rejects.toThrow('down');
    isDown = false;
    await vi.advanceTimersByTimeAsync(1_000);
    expect(await call(handler)).toMatchObject({ authorization: 'Bearer token-6' });
  });

  it('is asked for with id and secret when the refresh token is not accepted', async () => {
    const { auth, asked } = provider(async (count, { refreshToken }) => {
      if (refreshToken !== undefined) throw new Error('not accepted');
      return tokenOf(count);
    });
    const handler = sender(authCall({ auth, ...ALICE }));
    await call(handler);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(await call(handler)).toMatchObject({ authorization: 'Bearer token-3' });
    expect(asked.map(({ id }) => id)).toEqual(['alice', undefined, 'alice']);
  });

  it('that nobody can renew is used to its end, and then calls say so', async () => {
    const { auth } = provider();
    const handler = sender(authCall({ auth, token: { ...tokenOf(0), refreshToken: '' } }));
    await vi.advanceTimersByTimeAsync(59_999);
    expect(await call(handler)).toMatchObject({ authorization: 'Bearer token-0' });
    await vi.advanceTimersByTimeAsync(1);
    await expect(call(handler)).rejects.toMatchObject({
      code: CODE.unauthorized,
      detail: expect.stringContaining('the token has run out'),
    });
  });

  it('that a service does not accept is replaced, at most once in a second', async () => {
    const { auth, asked } = provider();
    const refusal = new MicroError({ id: 'greeter', code: CODE.unauthorized, detail: 'revoked' });
    const seen: unknown[] = [];
    const handler = authCall({ auth, ...ALICE })((_, ctx) => {
      seen.push(sent(ctx).authorization);
      return Promise.reject(refusal);
    });
    for (let times = 0; times < 3; times++) await expect(handler(request('unary'), context())).rejects.toBe(refusal);
    expect(asked).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(1_000);
    await expect(handler(request('unary'), context())).rejects.toBe(refusal);
    expect(asked).toHaveLength(2);
    expect(seen).toEqual(['Bearer token-1', 'Bearer token-1', 'Bearer token-1', 'Bearer token-2']);
  });
});
