import { verify } from 'node:crypto';
import { CODE } from '@micro/core';
import { describe, expect, it } from 'vitest';
import { jwtAuth } from '../src/index.ts';
import { forge, inSeconds, read, unauthorized } from './forge.ts';
import { edKey, rsaKey } from './keys.ts';

const key = rsaKey();
const auth = jwtAuth({ privateKey: key.privateBase64, publicKey: key.publicBase64 });

describe('tokens as go-micro makes them', () => {
  it('have its header, and its claims in its order, and no other', async () => {
    const { secret = '' } = await auth.generate('test', {
      type: 'service',
      scopes: ['admin'],
      metadata: { z: '1', foo: 'bar' },
    });
    const { accessToken, expiresAt } = await auth.token({ id: 'test', secret });
    const [header = '', claims = ''] = accessToken.split('.').map((part) => Buffer.from(part, 'base64url').toString());
    expect(header).toBe('{"alg":"RS256","typ":"JWT"}');
    expect(claims).toBe(
      `{"type":"service","scopes":["admin"],"metadata":{"foo":"bar","z":"1"},"exp":${expiresAt / 1_000},"iss":"go.micro","sub":"test"}`,
    );
  });

  it('are signed with RSASSA-PKCS1-v1_5 and SHA-256, as anybody can verify', async () => {
    const { secret = '' } = await auth.generate('test');
    const at = secret.lastIndexOf('.');
    const [input, signature] = [Buffer.from(secret.slice(0, at)), Buffer.from(secret.slice(at + 1), 'base64url')];
    expect(verify('sha256', input, key.publicKey, signature)).toBe(true);
  });

  it('always have a type, scopes and metadata, and no issuer where the namespace is empty', async () => {
    const { secret = '' } = await jwtAuth({ privateKey: key.privatePem, namespace: '' }).generate('test');
    expect(Object.keys(read(secret).claims)).toEqual(['type', 'scopes', 'metadata', 'exp', 'sub']);
  });

  it('live for a minute, refresh tokens for an hour longer, and secrets for 15 minutes', async () => {
    const before = inSeconds(0);
    const { secret = '' } = await auth.generate('test');
    const { accessToken, refreshToken, createdAt, expiresAt } = await auth.token({ id: 'test', secret });
    const life = (token: string) => Number(read(token).claims.exp) - before;
    // The machine may be slow between `before` and the tokens.
    const about = (seconds: number) => expect.toSatisfy((value) => value >= seconds && value <= seconds + 10);
    expect([life(secret), life(accessToken), life(refreshToken)]).toEqual([about(900), about(60), about(3_660)]);
    expect(expiresAt).toBe(Number(read(accessToken).claims.exp) * 1_000);
    expect(createdAt).toBeGreaterThanOrEqual(before * 1_000);
  });

  it('live as long as the options and the request say', async () => {
    const own = jwtAuth({ privateKey: key.privatePem, ttlMs: 600_000, refreshMs: 0, secretTtlMs: 5_000 });
    const before = inSeconds(0);
    const { secret = '' } = await own.generate('test');
    const usual = await own.token({ id: 'test', secret });
    const long = await own.token({ id: 'test', secret, ttlMs: 7_200_000 });
    const life = (token: string) => Number(read(token).claims.exp) - before;
    const about = (seconds: number) => expect.toSatisfy((value) => value >= seconds && value <= seconds + 10);
    expect([secret, usual.accessToken, usual.refreshToken, long.accessToken].map(life)).toEqual(
      [5, 600, 600, 7_200].map(about),
    );
  });

  it('are accepted with a kid, as somebody else may have written one', async () => {
    const token = forge(key.privateKey, { exp: inSeconds(60), sub: 'test', iss: 'go.micro' }, { kid: 'any' });
    expect((await auth.inspect(token)).id).toBe('test');
  });

  it('keep the account as it was through refreshing, its issuer too', async () => {
    const account = {
      type: 'service',
      scopes: ['a'],
      metadata: { b: 'c' },
      exp: inSeconds(60),
      iss: 'partner',
      sub: 'x',
    };
    const open = jwtAuth({ privateKey: key.privatePem, issuers: ['go.micro', 'partner'] });
    const { accessToken } = await open.token({ refreshToken: forge(key.privateKey, account) });
    expect(await open.inspect(accessToken)).toEqual({
      id: 'x',
      type: 'service',
      issuer: 'partner',
      scopes: ['a'],
      metadata: { b: 'c' },
    });
  });

  it('cannot be made with a secret of one’s own: it is made up, as in Go', async () => {
    const { secret } = await auth.generate('test', { secret: 'chosen' });
    expect(secret?.split('.')).toHaveLength(3);
  });
});

describe('a request for a token', () => {
  it('needs the id that the secret was made for', async () => {
    const { secret = '' } = await auth.generate('alice');
    await unauthorized(auth.token({ id: 'bob', secret }), /the secret is not that of account "bob"/);
    await expect(auth.token({ secret })).rejects.toMatchObject({ code: CODE.badRequest });
    await expect(auth.token({ id: 'alice' })).rejects.toMatchObject({ code: CODE.badRequest });
  });

  it.each([0, 999, -1, Number.NaN, Number.POSITIVE_INFINITY, Number.MAX_SAFE_INTEGER])(
    'for %d milliseconds is refused: a token has to end, in whole seconds',
    async (ttlMs) => {
      const { secret = '' } = await auth.generate('alice');
      await expect(auth.token({ id: 'alice', secret, ttlMs })).rejects.toMatchObject({
        code: CODE.badRequest,
        detail: expect.stringContaining('a token has to end'),
      });
      expect(() => jwtAuth({ privateKey: key.privatePem, ttlMs })).toThrow('a token has to end');
      expect(() => jwtAuth({ privateKey: key.privatePem, secretTtlMs: ttlMs })).toThrow('a token has to end');
    },
  );
});

describe('an account', () => {
  it.each(['a\u0000b', 'a\nb', '\ud800', 'x'.repeat(257)])('cannot have the id %j', async (id) => {
    await expect(auth.generate(id)).rejects.toMatchObject({ code: CODE.badRequest });
  });

  it('cannot be what Go could not read', async () => {
    const odd = [{ type: 7 }, { scopes: 'admin' }, { scopes: [1] }, { metadata: { a: 1 } }, { metadata: null }];
    for (const given of odd) {
      await expect(auth.generate('alice', given as unknown as object)).rejects.toMatchObject({ code: CODE.badRequest });
    }
  });

  it('that makes longer tokens than are accepted is refused when it is made', async () => {
    await expect(auth.generate('alice', { metadata: { a: 'x'.repeat(8_192) } })).rejects.toMatchObject({
      code: CODE.tooLarge,
      detail: expect.stringMatching(/a token of account "alice" has \d+ characters, more than the 8192/),
    });
  });

  it('may have the longest id that there is, in any alphabet', async () => {
    const id = '字'.repeat(256);
    const { secret } = await auth.generate(id);
    expect((await auth.inspect((await auth.token({ id, secret })).accessToken)).id).toBe(id);
  });
});

describe('without a private key', () => {
  const checker = jwtAuth({ publicKey: key.publicBase64 });

  it('tokens are checked, and none is issued', async () => {
    const { secret = '' } = await auth.generate('alice');
    const { accessToken } = await auth.token({ id: 'alice', secret });
    expect((await checker.inspect(accessToken)).id).toBe('alice');
    const nothing = { code: CODE.notImplemented, detail: expect.stringContaining('give it a private key') };
    await expect(checker.generate('alice')).rejects.toMatchObject(nothing);
    await expect(checker.token({ id: 'alice', secret })).rejects.toMatchObject(nothing);
  });
});

describe.each([
  ['EdDSA', edKey()],
  ['RS256', rsaKey(3_072)],
])('with %s', (alg, own) => {
  it('the key says which algorithm tokens are signed with', async () => {
    const { secret = '' } = await jwtAuth({ privateKey: own.privatePem }).generate('alice');
    expect(read(secret).header).toEqual({ alg, typ: 'JWT' });
  });
});
