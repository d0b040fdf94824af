import assert from 'node:assert/strict';
import type { Account, Auth, Token } from '../contract/auth.ts';
import { CODE } from '../error/code.ts';
import { MicroError } from '../error/micro-error.ts';
import { eventually, within } from './eventually.ts';

/** One private universe of auth providers: a token of one of them is valid at the others. */
export interface AuthWorld {
  create(): Auth | Promise<Auth>;
  close?(): void | Promise<void>;
}

/** How long a provider may take to answer, one that has to make keys as well. */
const DEADLINE_MS = 15_000;

/** The shortest life that every provider can give; JWTs count in whole seconds. */
const TTL_MS = 2_000;

/** What every provider has to do that tells one caller from another. One that lets everybody pass skips what it cannot. */
export const authCases: Readonly<Record<string, (world: AuthWorld) => Promise<void>>> = {
  'an account is what was asked for, and has a secret': async (world) => {
    const auth = await world.create();
    const account = await within(
      'generate',
      auth.generate('alice', { type: 'user', scopes: ['admin', 'staff'], metadata: { team: 'greetings' } }),
      DEADLINE_MS,
    );
    assert.equal(account.id, 'alice');
    assert.equal(account.type, 'user');
    assert.deepEqual([...account.scopes], ['admin', 'staff']);
    assert.deepEqual({ ...account.metadata }, { team: 'greetings' });
    assert.equal(typeof account.issuer, 'string');
    assert.ok(account.secret, 'nobody can get a token without a secret');
  },

  'an account that nothing was asked for has no scopes and no metadata': async (world) => {
    const auth = await world.create();
    const account = await auth.generate('bob');
    assert.equal(account.type, '');
    assert.deepEqual([...account.scopes], []);
    assert.deepEqual({ ...account.metadata }, {});
  },

  'a token is that of its account': async (world) => {
    const auth = await world.create();
    const given = { type: 'service', scopes: ['a', 'b'], metadata: { zone: 'eu', '': 'empty', ключ: 'знач' } };
    const account = await auth.generate('greeter', given);
    const found = await auth.inspect((await tokenOf(auth, account)).accessToken);
    assert.deepEqual(plain(found), plain(account));
  },

  'whose token it is can be known without the secret': async (world) => {
    const auth = await world.create();
    const account = await auth.generate('alice');
    const found = await auth.inspect((await tokenOf(auth, account)).accessToken);
    assert.equal(found.secret, undefined);
  },

  'providers of one world accept the tokens of each other': async (world) => {
    const [here, there] = [await world.create(), await world.create()];
    const account = await here.generate('alice', { scopes: ['staff'] });
    const { accessToken } = await tokenOf(here, account);
    assert.deepEqual(plain(await there.inspect(accessToken)), plain(account));
  },

  'each of many accounts has tokens of its own': async (world) => {
    const auth = await world.create();
    const ids = Array.from({ length: 10 }, (_, index) => `account-${index}`);
    const found = await Promise.all(
      ids.map(async (id) => {
        const { accessToken } = await tokenOf(auth, await auth.generate(id, { scopes: [id] }));
        return auth.inspect(accessToken);
      }),
    );
    assert.deepEqual(
      found.map(({ id, scopes }) => [id, ...scopes]),
      ids.map((id) => [id, id]),
    );
  },

  'a token says from when until when it is valid': async (world) => {
    const auth = await world.create();
    const account = await auth.generate('alice');
    const before = Date.now();
    const token = await tokenOf(auth, account, 60_000);
    const after = Date.now();
    // Whole seconds are exact enough.
    assert.ok(token.createdAt >= before - 1_000 && token.createdAt <= after + 1_000, 'it was made now');
    const life = token.expiresAt - token.createdAt;
    assert.ok(life >= 59_000 && life <= 61_000, `it lives for ${life} ms instead of 60,000`);
  },

  'a token has an end where none was asked for': async (world) => {
    const auth = await world.create();
    const token = await tokenOf(auth, await auth.generate('alice'));
    assert.ok(token.expiresAt > Date.now());
    assert.ok(Number.isFinite(token.expiresAt));
  },

  'a token that has run out is unauthorized': async (world) => {
    const auth = await world.create();
    const { accessToken, expiresAt } = await tokenOf(auth, await auth.generate('alice'), TTL_MS);
    await eventually(() => refused(auth.inspect(accessToken), CODE.unauthorized), { timeoutMs: DEADLINE_MS });
    assert.ok(Date.now() >= expiresAt - 1_000, 'it ended early');
  },

  'a refresh token gets a token of the same account': async (world) => {
    const auth = await world.create();
    const account = await auth.generate('alice', { scopes: ['staff'] });
    const first = await tokenOf(auth, account);
    const second = await auth.token({ refreshToken: first.refreshToken });
    assert.deepEqual(plain(await auth.inspect(second.accessToken)), plain(account));
    const third = await auth.token({ refreshToken: second.refreshToken });
    assert.equal((await auth.inspect(third.accessToken)).id, 'alice');
  },

  'a wrong secret and an unknown account are unauthorized': async (world) => {
    const auth = await world.create();
    const { secret } = await auth.generate('alice');
    await refused(auth.token({ id: 'alice', secret: 'guessed' }), CODE.unauthorized);
    await refused(auth.token({ id: 'alice', secret: '' }), CODE.unauthorized);
    await refused(auth.token({ id: 'alice', secret: `${secret}x` }), CODE.unauthorized);
    await refused(auth.token({ id: 'mallory', secret: 'guessed' }), CODE.unauthorized);
  },

  'a refresh token that nobody handed out is unauthorized': async (world) => {
    const auth = await world.create();
    await auth.generate('alice');
    await refused(auth.token({ refreshToken: 'guessed' }), CODE.unauthorized);
    await refused(auth.token({ refreshToken: '' }), CODE.unauthorized);
  },

  'a token for nobody is a bad request': async (world) => {
    const auth = await world.create();
    await refused(auth.token({}), CODE.badRequest);
  },

  'an account without an id is a bad request': async (world) => {
    const auth = await world.create();
    await refused(auth.generate(''), CODE.badRequest);
  },

  'what is no token is unauthorized, however odd or long': async (world) => {
    const auth = await world.create();
    await auth.generate('alice');
    const odd = [
      '',
      'alice',
      '..',
      'a.b',
      'a.b.c',
      'null',
      '{}',
      '__proto__',
      'Bearer x',
      'ÿ\u0000\r\n',
      '\ud800',
      // The header of a JWT that wants no signature, and one that wants a symmetric one.
      `${base64({ alg: 'none', typ: 'JWT' })}.${base64({ sub: 'alice', exp: 9_999_999_999 })}.`,
      `${base64({ alg: 'HS256', typ: 'JWT' })}.${base64({ sub: 'alice', exp: 9_999_999_999 })}.YWJj`,
      'x'.repeat(1_000_000),
      'a.'.repeat(100_000),
    ];
    for (const token of odd) await refused(auth.inspect(token), CODE.unauthorized, `token ${token.slice(0, 40)}`);
  },

  'a token with one character changed is unauthorized': async (world) => {
    const auth = await world.create();
    const { accessToken } = await tokenOf(auth, await auth.generate('alice'));
    for (let index = 0; index < accessToken.length; index += 7) {
      const other = accessToken[index] === 'A' ? 'B' : 'A';
      const changed = accessToken.slice(0, index) + other + accessToken.slice(index + 1);
      await refused(auth.inspect(changed), CODE.unauthorized, `changed at ${index}`);
    }
    await refused(auth.inspect(accessToken.slice(0, -1)), CODE.unauthorized, 'without its end');
    await refused(auth.inspect(`${accessToken}A`), CODE.unauthorized, 'with one character more');
  },

  'names that mean something to JavaScript are names like any other': async (world) => {
    const auth = await world.create();
    for (const id of ['__proto__', 'constructor', 'toString']) {
      await refused(auth.token({ id, secret: 'guessed' }), CODE.unauthorized);
    }
    const metadata: Record<string, string> = JSON.parse('{"__proto__":"a","constructor":"b"}');
    const account = await auth.generate('__proto__', { metadata, scopes: ['__proto__'] });
    const found = await auth.inspect((await tokenOf(auth, account)).accessToken);
    assert.equal(found.id, '__proto__');
    assert.deepEqual([...found.scopes], ['__proto__']);
    assert.equal(found.metadata.constructor, 'b');
    assert.equal(({} as Record<string, unknown>).a, undefined);
  },

  'no error tells a secret or a token': async (world) => {
    const auth = await world.create();
    await auth.generate('alice', { secret: 'correct-horse' });
    for (const promise of [
      auth.token({ id: 'alice', secret: 'battery-staple' }),
      auth.token({ refreshToken: 'battery-staple' }),
      auth.inspect('battery-staple'),
    ]) {
      const error = await promise.then(
        () => undefined,
        (reason: unknown) => reason,
      );
      assert.ok(error instanceof Error);
      assert.doesNotMatch(error.message, /correct-horse|battery-staple/);
    }
  },
};

async function tokenOf(auth: Auth, { id, secret }: Account, ttlMs?: number): Promise<Token> {
  const token = await within('token', auth.token({ id, secret, ttlMs }), DEADLINE_MS);
  assert.notEqual(token.accessToken, '');
  return token;
}

async function refused(promise: Promise<unknown>, code: number, what = 'it'): Promise<void> {
  const answer = within(what, promise, DEADLINE_MS).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  const error = await answer;
  assert.ok(error !== undefined, `${what} should be refused`);
  assert.ok(error instanceof MicroError, `${what} is refused with a MicroError, not ${String(error)}`);
  assert.equal(error.code, code, `${what}: ${error.detail}`);
}

/** What two providers agree about: all but the secret, without prototypes and in one order. */
function plain({ id, type, issuer, metadata, scopes }: Account): unknown {
  return { id, type, issuer, metadata: Object.entries(metadata).sort(), scopes: [...scopes] };
}

function base64(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}
