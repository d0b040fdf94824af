import { jwtAuth, plugin } from '@micro/auth-jwt';
import type { Auth } from '@micro/core';
import { authHandler } from '@micro/core';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { type GoAuth, startGoAuth } from '../src/go-auth.ts';
import { type GoClient, startGoClient } from '../src/go-client.ts';
import { eventually } from './eventually.ts';
import { startOurService } from './our-service.ts';
import { claimsText, rsaKey } from './rsa-key.ts';

const binary = inject('goBinary');

const key = rsaKey();
const other = rsaKey();
const WHO = { type: 'user', scopes: ['admin', 'größer <&>'], metadata: { b: '2', a: '世界' } };

const inAMinute = (): number => Math.floor(Date.now() / 1_000) + 60;

describe.skipIf(binary === '')('the jwt auth of Go and ours', () => {
  let go: GoAuth;
  let ours: Auth;

  beforeAll(async () => {
    go = await startGoAuth({ binary, publicKey: key.publicBase64, privateKey: key.privateBase64 });
    ours = jwtAuth({ privateKey: key.privateBase64, publicKey: key.publicBase64 });
  });
  afterAll(() => go.close());

  test('an account that Go makes is known here by its token, and its secret gets a token here', async () => {
    const account = await go.generate('me', WHO);
    const expected = { id: 'me', issuer: 'go.micro', ...WHO };
    const { access_token, refresh_token } = await go.token({ account: 'me', secret: account.secret });
    expect(await ours.inspect(access_token)).toMatchObject(expected);
    const token = await ours.token({ id: 'me', secret: account.secret });
    expect(await ours.inspect(token.accessToken)).toMatchObject(expected);
    const refreshed = await ours.token({ refreshToken: refresh_token });
    expect(await ours.inspect(refreshed.accessToken)).toMatchObject(expected);
  });

  test('an account that we make is known to Go by its token, and its secret gets a token there', async () => {
    const { secret } = await ours.generate('me', WHO);
    const expected = { id: 'me', issuer: 'go.micro', ...WHO };
    const { accessToken, refreshToken } = await ours.token({ id: 'me', secret: secret ?? '' });
    expect(await go.inspect(accessToken)).toMatchObject(expected);
    const token = await go.token({ account: 'me', secret: secret ?? '' });
    expect(await go.inspect(token.access_token)).toMatchObject(expected);
    const refreshed = await go.token({ refreshToken });
    expect(await go.inspect(refreshed.access_token)).toMatchObject(expected);
  });

  test('an account of which nothing but its id is known passes both ways', async () => {
    const theirs = await go.generate('me');
    expect(theirs).toMatchObject({ scopes: null, metadata: null });
    expect(await ours.inspect(theirs.secret)).toMatchObject({ id: 'me', type: '', scopes: [], metadata: {} });
    const { secret } = await ours.generate('me');
    expect(await go.inspect(secret ?? '')).toMatchObject({ id: 'me', type: '', scopes: [], metadata: {} });
  });

  test('the same account gets the same token at the same moment, byte for byte', async () => {
    const plain = { type: 'user', scopes: ['admin'], metadata: { b: '2', a: '世界' } };
    const [theirs, mine] = await eventually(async () => {
      const [from, to] = await Promise.all([go.generate('me', plain), ours.generate('me', plain)]);
      // A second may have begun between the two.
      const ends = [from.secret, to.secret ?? ''].map((token) => JSON.parse(claimsText(token)).exp);
      return ends[0] === ends[1] ? [from.secret, to.secret] : undefined;
    });
    expect(claimsText(mine ?? '')).toBe(claimsText(theirs ?? ''));
    expect(mine).toBe(theirs);
  });

  test('secrets, access tokens and refresh tokens live as long as those of Go', async () => {
    const lives = (token: string): number => JSON.parse(claimsText(token)).exp - Date.now() / 1_000;
    const theirs = await go.generate('me');
    const mine = await ours.generate('me');
    const goToken = await go.token({ account: 'me', secret: theirs.secret, expiryMs: 120_000 });
    const ourToken = await ours.token({ id: 'me', secret: mine.secret ?? '', ttlMs: 120_000 });
    const near = (seconds: number) => ({ asymmetricMatch: (n: number) => Math.abs(n - seconds) < 5 });
    const expected = [900, 120, 3_720].map(near);
    expect([theirs.secret, goToken.access_token, goToken.refresh_token].map(lives)).toEqual(expected);
    expect([mine.secret ?? '', ourToken.accessToken, ourToken.refreshToken].map(lives)).toEqual(expected);
    expect(Math.abs(ourToken.expiresAt - Date.parse(goToken.expiry))).toBeLessThan(5_000);
  });

  test.each(['privateBase64', 'privatePkcs1Base64'] as const)(
    'Go and we sign with the same key as %s',
    async (form) => {
      const theirs = await startGoAuth({ binary, publicKey: key.publicBase64, privateKey: key[form] });
      try {
        expect(await ours.inspect((await theirs.generate('me')).secret)).toMatchObject({ id: 'me' });
      } finally {
        await theirs.close();
      }
      const mine = await jwtAuth({ privateKey: key[form] }).generate('me');
      expect(await go.inspect(mine.secret ?? '')).toMatchObject({ id: 'me' });
    },
  );

  test("our plugin takes the flags that go-micro's takes", async () => {
    const flags = {
      auth_public_key: key.publicBase64,
      auth_private_key: key.privateBase64,
      auth_namespace: 'acme',
    };
    const mine = await plugin.create(flags, {});
    const { secret, issuer } = await mine.generate('me');
    expect(issuer).toBe('acme');
    expect(await go.inspect(secret ?? '')).toMatchObject({ id: 'me', issuer: 'acme' });
  });

  test('whoever has the public key alone checks the tokens of the other, and makes none', async () => {
    const { secret } = await go.generate('me');
    const checking = jwtAuth({ publicKey: key.publicBase64 });
    expect(await checking.inspect(secret)).toMatchObject({ id: 'me' });
    await expect(checking.generate('me')).rejects.toMatchObject({ code: 501 });
    const theirs = await startGoAuth({ binary, publicKey: key.publicBase64 });
    try {
      expect(await theirs.inspect((await ours.generate('me')).secret ?? '')).toMatchObject({ id: 'me' });
      await expect(theirs.generate('me')).rejects.toThrow('error encoding the token');
    } finally {
      await theirs.close();
    }
  });

  test.each([
    ['signed by another key', () => other.sign({ sub: 'me', exp: inAMinute(), iss: 'go.micro' })],
    ['over', () => key.sign({ sub: 'me', exp: inAMinute() - 120, iss: 'go.micro' })],
    ['not valid yet', () => key.sign({ sub: 'me', exp: inAMinute(), iss: 'go.micro', nbf: inAMinute() - 20 })],
    ['changed', () => key.sign({ sub: 'me', exp: inAMinute() }).replace(/\..*\./, `.${encoded({ sub: 'root' })}.`)],
    ['signed by nobody', () => `${encoded({ alg: 'none', typ: 'JWT' })}.${encoded({ sub: 'me', exp: inAMinute() })}.`],
    ['no token', () => 'nonsense'],
    ['empty', () => ''],
  ])('a token that is %s is refused by both', async (_, token) => {
    await expect(go.inspect(token())).rejects.toThrow('invalid token provided');
    await expect(ours.inspect(token())).rejects.toMatchObject({ code: 401 });
  });

  test.each([
    ['has no end', () => key.sign({ sub: 'me', iss: 'go.micro' })],
    ['was signed with RS512', () => key.sign({ sub: 'me', exp: inAMinute(), iss: 'go.micro' }, 'RS512', 'sha512')],
    ['was issued by somebody else', () => key.sign({ sub: 'me', exp: inAMinute(), iss: 'elsewhere' })],
    ['names no account', () => key.sign({ exp: inAMinute(), iss: 'go.micro' })],
  ])('a token that %s is refused here, though Go takes it', async (_, token) => {
    await expect(go.inspect(token())).resolves.toMatchObject({ type: '' });
    await expect(ours.inspect(token())).rejects.toMatchObject({ code: 401 });
  });

  test.each([
    ['ends between two seconds', () => key.sign({ sub: 'me', exp: inAMinute() + 0.5, iss: 'go.micro' })],
    ['is meant for several', () => key.sign({ sub: 'me', exp: inAMinute(), iss: 'go.micro', aud: ['a', 'b'] })],
  ])('a token that %s is taken here, though Go refuses it', async (_, token) => {
    await expect(go.inspect(token())).rejects.toThrow('invalid token provided');
    expect(await ours.inspect(token())).toMatchObject({ id: 'me' });
  });

  describe('a service of ours that wants to know who calls', () => {
    let service: Awaited<ReturnType<typeof startOurService>>;
    let client: GoClient;

    beforeAll(async () => {
      const middleware = [authHandler({ service: 'helloworld', auth: ours })];
      service = await startOurService({ server: { address: '127.0.0.1:0', middleware, settleMs: 0 } });
      client = await startGoClient({ binary });
    });
    afterAll(async () => {
      await client.close();
      await service.service.stop();
    });

    const call = (metadata: Readonly<Record<string, string>>) =>
      client.call({ address: service.address, endpoint: 'Helloworld.Call', body: { name: 'Jo' }, metadata });

    test('lets a Go client in with a token of Go, and nobody without one', async () => {
      const { secret } = await go.generate('me');
      const token = await go.token({ account: 'me', secret });
      const { errors, replies } = await call({ Authorization: `Bearer ${token.access_token}` });
      expect(errors).toEqual([]);
      expect(replies.map(({ reply }) => reply)).toEqual([{ msg: 'Hello Jo' }]);
      const without = await call({});
      expect(without.errors[0]?.error).toMatchObject({ code: 401, id: 'helloworld' });
    });
  });
});

function encoded(part: object): string {
  return Buffer.from(JSON.stringify(part)).toString('base64url');
}
