import { describe, expect, it } from 'vitest';
import { jwtAuth } from '../src/index.ts';
import { base64, forge, forgeHmac, goClaims, inSeconds, read, unauthorized } from './forge.ts';
import { edKey, rsaKey } from './keys.ts';

const key = rsaKey();
const other = rsaKey();
const { privateKey } = key;
const auth = jwtAuth({ publicKey: key.publicBase64 });

describe('with go-micro claims', () => {
  it('a token as Go makes it is accepted, so that what follows is refused for its own reason', async () => {
    expect(await auth.inspect(forge(privateKey, goClaims()))).toEqual({
      id: 'alice',
      type: 'user',
      issuer: 'go.micro',
      scopes: ['staff'],
      metadata: { team: 'greetings' },
    });
  });

  it('a token without a signature (alg none) is refused', async () => {
    for (const alg of ['none', 'None', 'NONE']) {
      const unsigned = `${base64({ alg, typ: 'JWT' })}.${base64(goClaims())}`;
      await unauthorized(auth.inspect(`${unsigned}.`), /no signed JWT/);
      await unauthorized(auth.inspect(`${unsigned}.YWJj`), /no key that is accepted has signed it/);
    }
  });

  it('a token signed with HS256 and the public key for a secret is refused', async () => {
    const { publicPem, publicBase64, publicKey } = key;
    const der = publicKey.export({ type: 'spki', format: 'der' });
    for (const secret of [publicPem, publicPem.trim(), publicBase64, der]) {
      await unauthorized(auth.inspect(forgeHmac(secret, goClaims())), /it names "HS256"/);
    }
  });

  it('a token of another key is refused', async () => {
    await unauthorized(auth.inspect(forge(other.privateKey, goClaims())), /no key that is accepted/);
  });

  it('a token that brings its own key along is refused', async () => {
    const jwk = other.jwk();
    for (const header of [
      { jwk },
      { jku: 'http://127.0.0.1:1/jwks' },
      { x5u: 'http://127.0.0.1:1/x' },
      { kid: '../a' },
    ]) {
      await unauthorized(auth.inspect(forge(other.privateKey, goClaims(), header)), /no key that is accepted/);
    }
  });

  it('a token with another algorithm than the one of the key is refused, where Go takes any of RSA', async () => {
    for (const alg of ['RS384', 'RS512', 'PS256']) {
      await unauthorized(auth.inspect(forge(privateKey, goClaims(), { alg })), new RegExp(`names "${alg}"`));
    }
    await unauthorized(auth.inspect(forge(edKey().privateKey, goClaims(), { alg: 'EdDSA' })), /names "EdDSA"/);
  });

  it('a token whose header demands what nobody knows is refused', async () => {
    await unauthorized(auth.inspect(forge(privateKey, goClaims(), { crit: ['magic'], magic: 1 })), /no key/);
    await unauthorized(auth.inspect(forge(privateKey, goClaims(), { crit: ['b64'], b64: false })), /no key/);
  });

  it('a token of another issuer is refused', async () => {
    await unauthorized(
      auth.inspect(forge(privateKey, goClaims({ iss: 'evil' }))),
      /its issuer is "evil", and not go\.micro/,
    );
    await unauthorized(auth.inspect(forge(privateKey, goClaims({ iss: 7 }))), /its issuer is not a text/);
  });

  it('a token without an issuer is accepted, as Go without a namespace makes it, unless issuers are named', async () => {
    const token = forge(privateKey, goClaims({ iss: undefined }));
    expect(await auth.inspect(token)).toMatchObject({ id: 'alice', issuer: '' });
    const picky = jwtAuth({ publicKey: key.publicPem, issuers: ['go.micro'] });
    await unauthorized(picky.inspect(token), /it has no issuer/);
  });

  it('other issuers are accepted where they are named, and any where that is said', async () => {
    const token = forge(privateKey, goClaims({ iss: 'partner' }));
    const named = jwtAuth({ publicKey: key.publicPem, issuers: ['go.micro', 'partner'] });
    expect((await named.inspect(token)).issuer).toBe('partner');
    const any = jwtAuth({ publicKey: key.publicPem, issuers: 'any' });
    expect((await any.inspect(token)).issuer).toBe('partner');
    await any.inspect(forge(privateKey, goClaims({ iss: undefined })));
  });

  it('a token that ran out is refused', async () => {
    await unauthorized(auth.inspect(forge(privateKey, goClaims({ exp: inSeconds(-2) }))), /it ran out at 20/);
    await unauthorized(auth.inspect(forge(privateKey, goClaims({ exp: 0 }))), /it ran out at 1970/);
    await unauthorized(auth.inspect(forge(privateKey, goClaims({ exp: -1e300 }))), /it ran out/);
  });

  it('a token without an end is refused, which Go accepts', async () => {
    for (const exp of [undefined, null, '9999999999', {}]) {
      await unauthorized(auth.inspect(forge(privateKey, goClaims({ exp }))), /it has no end/);
    }
  });

  it('a token that is not valid yet is refused', async () => {
    await unauthorized(auth.inspect(forge(privateKey, goClaims({ nbf: inSeconds(30) }))), /it is not valid before 20/);
    await unauthorized(auth.inspect(forge(privateKey, goClaims({ iat: inSeconds(30) }))), /it is not valid before 20/);
    await unauthorized(auth.inspect(forge(privateKey, goClaims({ nbf: 'soon' }))), /is not a number/);
    await auth.inspect(forge(privateKey, goClaims({ nbf: inSeconds(-1), iat: inSeconds(-1) })));
  });

  it('clocks may differ by the tolerance, in both directions, and by no more', async () => {
    const tolerant = jwtAuth({ publicKey: key.publicPem, clockToleranceMs: 60_000 });
    await tolerant.inspect(forge(privateKey, goClaims({ exp: inSeconds(-30) })));
    await tolerant.inspect(forge(privateKey, goClaims({ nbf: inSeconds(30), iat: inSeconds(30) })));
    await unauthorized(tolerant.inspect(forge(privateKey, goClaims({ exp: inSeconds(-61) }))), /ran out/);
    await unauthorized(tolerant.inspect(forge(privateKey, goClaims({ nbf: inSeconds(90) }))), /not valid before/);
    const exact = jwtAuth({ publicKey: key.publicPem, clockToleranceMs: 0 });
    await unauthorized(exact.inspect(forge(privateKey, goClaims({ exp: inSeconds(0) }))), /ran out/);
  });

  it('a token that was tampered with is refused', async () => {
    const [header = '', , signature = ''] = forge(privateKey, goClaims()).split('.');
    const admin = base64(goClaims({ scopes: ['admin'] }));
    await unauthorized(auth.inspect(`${header}.${admin}.${signature}`), /no key that is accepted/);
    await unauthorized(auth.inspect(`${base64({ alg: 'RS256' })}.${base64(goClaims())}.${signature}`), /no key/);
  });

  it('a signature has one spelling: bits that nobody reads may not differ', async () => {
    const token = forge(privateKey, goClaims());
    await auth.inspect(token);
    const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
    const last = alphabet.indexOf(token.at(-1) ?? '');
    const twin = token.slice(0, -1) + (alphabet[last ^ 1] ?? '');
    expect(Buffer.from(twin.split('.')[2] ?? '', 'base64url')).toEqual(
      Buffer.from(token.split('.')[2] ?? '', 'base64url'),
    );
    await unauthorized(auth.inspect(twin), /no signed JWT/);
    for (const odd of [`${token}=`, `${token}\n`, ` ${token}`, token.replace('.', '. ')]) {
      await unauthorized(auth.inspect(odd), /no signed JWT/);
    }
  });

  it('a token that is too long is refused before anybody looks at it', async () => {
    const long = forge(privateKey, goClaims({ metadata: { a: 'x'.repeat(8_000) } }));
    expect(long.length).toBeGreaterThan(8_192);
    await unauthorized(auth.inspect(long), /it has \d+ characters, more than the 8192/);
    await unauthorized(auth.token({ refreshToken: long }), /the refresh token is not valid: it has \d+ characters/);
    const patient = jwtAuth({ publicKey: key.publicPem, maxTokenLength: 0 });
    expect((await patient.inspect(long)).metadata.a).toHaveLength(8_000);
  });

  it.each([
    ['no account', { sub: undefined }, /it names no account/],
    ['an account that is no text', { sub: 7 }, /it names no account/],
    ['a type that is no text', { type: {} }, /its type is not a text/],
    ['scopes that are no list', { scopes: 'admin' }, /its scopes are not a list of texts/],
    ['scopes that are no texts', { scopes: ['a', 1] }, /its scopes are not a list of texts/],
    ['metadata that are a list', { metadata: ['a'] }, /its metadata are not texts by name/],
    ['metadata that are no texts', { metadata: { a: 1 } }, /its metadata are not texts by name/],
  ])('a token with %s is refused', async (_, claims, reason) => {
    await unauthorized(auth.inspect(forge(privateKey, goClaims(claims))), reason);
  });

  it('a token whose claims are no object is refused', async () => {
    for (const claims of ['null', '[]', '7', '"alice"', '{', '']) {
      await unauthorized(auth.inspect(forge(privateKey, claims)), /no key that is accepted|no signed JWT/);
    }
  });

  it('what Go writes for nothing is nothing: null scopes and metadata, and no type', async () => {
    const token = forge(privateKey, { type: '', scopes: null, metadata: null, exp: inSeconds(60), sub: 'bob' });
    expect(await auth.inspect(token)).toEqual({ id: 'bob', type: '', issuer: '', scopes: [], metadata: {} });
  });

  it('the account of a token cannot be changed by whoever gets it', async () => {
    const account = await auth.inspect(forge(privateKey, goClaims()));
    expect(() => Object.assign(account, { id: 'root' })).toThrow();
    expect(() => (account.scopes as string[]).push('admin')).toThrow();
    expect(() => Object.assign(account.metadata, { a: 'b' })).toThrow();
  });

  it('nobody can tell an access token from a refresh token or a secret, as in Go', async () => {
    const issuer = jwtAuth({ privateKey: key.privatePem });
    const { secret = '' } = await issuer.generate('alice');
    const { accessToken, refreshToken } = await issuer.token({ id: 'alice', secret });
    for (const token of [secret, accessToken, refreshToken]) {
      expect((await issuer.inspect(token)).id).toBe('alice');
      await issuer.token({ refreshToken: token });
    }
  });
});

describe('with strict claims', () => {
  const strict = jwtAuth({ privateKey: key.privatePem, claims: 'strict', namespace: 'acme', audience: 'shop' });
  const claims = (more: object = {}) => goClaims({ iss: 'acme', aud: 'shop', jti: '1', iat: inSeconds(0), ...more });
  const token = (more: object = {}, header: object = {}) =>
    forge(privateKey, claims(more), { typ: 'at+jwt', ...header });

  it('a token says what it is for, for whom, when it was made, and which one it is', async () => {
    const { secret = '' } = await strict.generate('alice', { scopes: ['staff'] });
    const { accessToken, refreshToken } = await strict.token({ id: 'alice', secret });
    expect(read(accessToken)).toEqual({
      header: { alg: 'RS256', typ: 'at+jwt' },
      claims: {
        type: '',
        scopes: ['staff'],
        metadata: {},
        aud: 'shop',
        exp: expect.any(Number),
        jti: expect.stringMatching(/^[0-9a-f-]{36}$/),
        iat: expect.any(Number),
        iss: 'acme',
        sub: 'alice',
      },
    });
    expect(read(refreshToken).header.typ).toBe('refresh+jwt');
    expect(read(secret).header.typ).toBe('secret+jwt');
    expect(read(refreshToken).claims.jti).not.toBe(read(accessToken).claims.jti);
    expect(await strict.inspect(accessToken)).toMatchObject({ id: 'alice', issuer: 'acme', scopes: ['staff'] });
  });

  it('a refresh token and a secret are no access tokens', async () => {
    const { secret = '' } = await strict.generate('alice');
    const { refreshToken } = await strict.token({ id: 'alice', secret });
    await unauthorized(strict.inspect(refreshToken), /its typ is "refresh\+jwt", and not at\+jwt/);
    await unauthorized(strict.inspect(secret), /its typ is "secret\+jwt", and not at\+jwt/);
  });

  it('an access token gets no other token, and neither do a secret and a refresh token in the place of each other', async () => {
    const { secret = '' } = await strict.generate('alice');
    const { accessToken, refreshToken } = await strict.token({ id: 'alice', secret });
    await unauthorized(strict.token({ refreshToken: accessToken }), /the refresh token is not valid: its typ/);
    await unauthorized(strict.token({ refreshToken: secret }), /the refresh token is not valid: its typ/);
    await unauthorized(strict.token({ id: 'alice', secret: accessToken }), /the secret is not valid: its typ/);
    await unauthorized(strict.token({ id: 'alice', secret: refreshToken }), /the secret is not valid: its typ/);
  });

  it('a token made by hand is accepted, so that what follows is refused for its own reason', async () => {
    expect((await strict.inspect(token())).id).toBe('alice');
    await strict.inspect(token({ aud: ['other', 'shop'] }, { typ: 'application/AT+JWT' }));
    expect((await strict.inspect(token({ scopes: undefined, scope: 'a  b' }))).scopes).toEqual(['a', 'b']);
  });

  it.each([
    ['of go-micro', {}, { typ: 'JWT' }, /its typ is "JWT"/],
    ['without a typ', {}, { typ: undefined }, /its typ is missing, and not at\+jwt/],
    ['for somebody else', { aud: 'bank' }, {}, /it is not meant for shop/],
    ['for some others', { aud: ['bank', 'post'] }, {}, /it is not meant for shop/],
    ['for nobody', { aud: undefined }, {}, /it is not meant for shop/],
    ['of another issuer', { iss: 'go.micro' }, {}, /its issuer is "go\.micro", and not acme/],
    ['of no issuer', { iss: undefined }, {}, /it has no issuer/],
    ['without an id', { jti: undefined }, {}, /it has no id/],
    ['that does not say when it was made', { iat: undefined }, {}, /it does not say when it was made/],
    ['that ran out', { exp: inSeconds(-5) }, {}, /it ran out/],
    ['that is not valid yet', { nbf: inSeconds(60) }, {}, /it is not valid before/],
  ])('a token %s is refused', async (_, more, header, reason) => {
    await unauthorized(strict.inspect(token(more, header)), reason);
  });

  it('another service with the same key and another audience refuses it', async () => {
    const bank = jwtAuth({ privateKey: key.privatePem, claims: 'strict', namespace: 'acme', audience: 'bank' });
    await unauthorized(bank.inspect(token()), /it is not meant for bank/);
  });
});

describe('an audience with go-micro claims', () => {
  it('is written as one text, which Go can read, and demanded', async () => {
    const shop = jwtAuth({ privateKey: key.privatePem, audience: 'shop' });
    const { secret = '' } = await shop.generate('alice');
    const { accessToken } = await shop.token({ id: 'alice', secret });
    expect(read(accessToken).claims.aud).toBe('shop');
    expect((await shop.inspect(accessToken)).id).toBe('alice');
    await unauthorized(shop.inspect(forge(privateKey, goClaims())), /it is not meant for shop/);
  });

  it('is not looked at where none is configured, as in Go', async () => {
    expect((await auth.inspect(forge(privateKey, goClaims({ aud: 'bank' })))).id).toBe('alice');
  });
});
