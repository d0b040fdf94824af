import { describe, expect, it, test } from 'vitest';
import { memoryAuth } from '../../src/auth/memory-auth.ts';
import { noopAuth } from '../../src/auth/noop-auth.ts';
import { authCases } from '../../src/conformance/auth.ts';
import { runConformance } from '../../src/conformance/run.ts';
import { CODE } from '../../src/error/code.ts';

describe('memoryAuth conforms', () => {
  runConformance({
    test,
    cases: authCases,
    world: () => {
      const auth = memoryAuth();
      return { create: () => auth };
    },
  });
});

describe('noopAuth conforms where it can', () => {
  const anybody = 'it lets everybody pass, as in go-micro';
  const noToken = 'its tokens are empty, as in go-micro';
  runConformance({
    test,
    cases: authCases,
    world: () => ({ create: () => noopAuth() }),
    skip: {
      'an account is what was asked for, and has a secret': 'it makes no secrets',
      'a token is that of its account': noToken,
      'whose token it is can be known without the secret': noToken,
      'providers of one world accept the tokens of each other': noToken,
      'each of many accounts has tokens of its own': noToken,
      'a token says from when until when it is valid': noToken,
      'a token has an end where none was asked for': noToken,
      'a token that has run out is unauthorized': noToken,
      'a refresh token gets a token of the same account': noToken,
      'a wrong secret and an unknown account are unauthorized': anybody,
      'a refresh token that nobody handed out is unauthorized': anybody,
      'a token for nobody is a bad request': anybody,
      'what is no token is unauthorized, however odd or long': anybody,
      'a token with one character changed is unauthorized': anybody,
      'names that mean something to JavaScript are names like any other': anybody,
      'no error tells a secret or a token': anybody,
    },
  });
});

describe('noopAuth', () => {
  it('echoes what an account is made from', async () => {
    const given = { type: 'user', secret: 's', scopes: ['a'], metadata: { b: 'c' } };
    expect(await noopAuth({ namespace: 'ns' }).generate('alice', given)).toEqual({
      id: 'alice',
      issuer: 'ns',
      ...given,
    });
  });

  it('takes any token for that of a new account', async () => {
    const auth = noopAuth();
    const [first, second] = [await auth.inspect('anything'), await auth.inspect('')];
    expect(first).toEqual({ id: first.id, type: '', issuer: 'go.micro', scopes: [], metadata: {} });
    expect(second.id).not.toBe(first.id);
  });

  it('hands out a token that is empty and has run out', async () => {
    expect(await noopAuth().token({ id: 'alice', secret: 's' })).toEqual({
      accessToken: '',
      refreshToken: '',
      createdAt: 0,
      expiresAt: 0,
    });
  });
});

describe('memoryAuth', () => {
  it('refuses an id that is there already, and keeps its secret', async () => {
    const auth = memoryAuth();
    await auth.generate('alice', { secret: 'first' });
    await expect(auth.generate('alice', { secret: 'second' })).rejects.toMatchObject({ code: CODE.conflict });
    await expect(auth.token({ id: 'alice', secret: 'second' })).rejects.toMatchObject({ code: CODE.unauthorized });
    await auth.token({ id: 'alice', secret: 'first' });
  });

  it('refuses more accounts than its limit', async () => {
    const auth = memoryAuth({ maxAccounts: 1 });
    await auth.generate('alice');
    await expect(auth.generate('bob')).rejects.toMatchObject({ code: CODE.tooManyRequests });
  });

  it.each(['a\u0000b', 'a\nb', '\ud800', 'x'.repeat(257)])('refuses the id %j', async (id) => {
    await expect(memoryAuth().generate(id)).rejects.toMatchObject({ code: CODE.badRequest });
  });

  it('has room in its tokens for the longest id', async () => {
    const auth = memoryAuth();
    const id = '"'.repeat(256);
    const { secret } = await auth.generate(id);
    expect((await auth.inspect((await auth.token({ id, secret })).accessToken)).id).toBe(id);
  });

  it('takes a refresh token for no access token, nor the other way round', async () => {
    const auth = memoryAuth();
    const { secret } = await auth.generate('alice');
    const { accessToken, refreshToken } = await auth.token({ id: 'alice', secret });
    await expect(auth.inspect(refreshToken)).rejects.toMatchObject({ code: CODE.unauthorized });
    await expect(auth.token({ refreshToken: accessToken })).rejects.toMatchObject({ code: CODE.unauthorized });
  });

  it('accepts no tokens of another', async () => {
    const [one, other] = [memoryAuth(), memoryAuth()];
    const { secret } = await one.generate('alice');
    await other.generate('alice');
    const { accessToken } = await one.token({ id: 'alice', secret });
    await expect(other.inspect(accessToken)).rejects.toMatchObject({ code: CODE.unauthorized });
  });

  it('makes tokens that live for a minute by default, as go-micro, and for ever with 0', async () => {
    const auth = memoryAuth();
    const { secret } = await auth.generate('alice');
    const usual = await auth.token({ id: 'alice', secret });
    expect(usual.expiresAt - usual.createdAt).toBe(60_000);
    const endless = await auth.token({ id: 'alice', secret, ttlMs: 0 });
    expect(endless.expiresAt).toBe(Number.MAX_SAFE_INTEGER);
    expect((await auth.inspect(endless.accessToken)).id).toBe('alice');
  });

  it.each([-1, Number.NaN, Number.POSITIVE_INFINITY])('refuses a life of %d milliseconds', async (ttlMs) => {
    expect(() => memoryAuth({ ttlMs })).toThrow('cannot live');
    const auth = memoryAuth();
    const { secret } = await auth.generate('alice');
    await expect(auth.token({ id: 'alice', secret, ttlMs })).rejects.toMatchObject({ code: CODE.badRequest });
  });
});
