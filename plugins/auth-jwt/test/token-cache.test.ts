import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { Account } from '@micro/core';
import { eventually } from '@micro/core/conformance';
import { describe, expect, it } from 'vitest';
import { jwtAuth } from '../src/index.ts';
import { keySet } from '../src/key-set.ts';
import { tokenCache } from '../src/token-cache.ts';
import { forge, goClaims, inSeconds, unauthorized } from './forge.ts';
import { rsaKey } from './keys.ts';

const key = rsaKey();
const account: Account = { id: 'alice', type: '', issuer: '', metadata: {}, scopes: [] };
const later = () => Date.now() + 60_000;

describe.concurrent('jwtAuth', () => {
  it('verifies a token once, and answers with the same account from then on', async () => {
    const auth = jwtAuth({ publicKey: key.publicPem });
    const token = forge(key.privateKey, goClaims());
    const [first, second] = [await auth.inspect(token), await auth.inspect(Buffer.from(token).toString())];
    expect(second).toBe(first);
    const forgetful = jwtAuth({ publicKey: key.publicPem, maxCachedTokens: 0 });
    expect(await forgetful.inspect(token)).not.toBe(await forgetful.inspect(token));
  });

  it('accepts a token that it remembers no longer than one that it does not', async () => {
    const auth = jwtAuth({ publicKey: key.publicPem, clockToleranceMs: 0 });
    const end = inSeconds(5);
    const token = forge(key.privateKey, goClaims({ exp: end }));
    await auth.inspect(token);
    await eventually(() => unauthorized(auth.inspect(token), /it ran out/), { timeoutMs: 10_000 });
    expect(Date.now()).toBeGreaterThanOrEqual(end * 1_000);
  });

  it('checks more than 20,000 remembered tokens per second', async () => {
    const auth = jwtAuth({ publicKey: key.publicPem });
    const token = forge(key.privateKey, goClaims());
    await auth.inspect(token);
    const count = 40_000;
    const began = process.cpuUsage();
    for (let index = 0; index < count; index++) await auth.inspect(token);
    const { user, system } = process.cpuUsage(began);
    // CPU time, so that others on the machine do not count. Measured are some 700,000.
    expect((count / (user + system)) * 1e6).toBeGreaterThan(20_000);
  });

  it('does not remember what it refused', async () => {
    const auth = jwtAuth({ publicKey: key.publicPem });
    const early = forge(key.privateKey, goClaims({ nbf: inSeconds(6) }));
    await unauthorized(auth.inspect(early), /not valid before/);
    await eventually(() => auth.inspect(early), { timeoutMs: 10_000 });
  });

  it('does not take a remembered access token for a refresh token with strict claims', async () => {
    const auth = jwtAuth({ privateKey: key.privatePem, claims: 'strict' });
    const { secret } = await auth.generate('alice');
    const { accessToken, refreshToken } = await auth.token({ id: 'alice', secret });
    await auth.inspect(accessToken);
    await unauthorized(auth.token({ refreshToken: accessToken }), /its typ/);
    await auth.token({ refreshToken });
    await unauthorized(auth.inspect(refreshToken), /its typ/);
  });
});

describe('the memory of tokens', () => {
  const keys = keySet([]);

  it('has a limit, and what was not asked for the longest makes room', () => {
    const cache = tokenCache(3);
    for (const token of ['a', 'b', 'c']) cache.put(token, keys, { ...account, id: token }, later());
    expect(cache.get('a', keys)?.id).toBe('a');
    cache.put('d', keys, account, later());
    expect(['a', 'b', 'c', 'd'].map((token) => cache.get(token, keys) !== undefined)).toEqual([
      true,
      false,
      true,
      true,
    ]);
  });

  it('holds one entry for a token that was verified twice at the same time', () => {
    const cache = tokenCache(2);
    cache.put('a', keys, account, later());
    cache.put('b', keys, account, later());
    cache.put('b', keys, account, later());
    expect(cache.get('a', keys)).toBeDefined();
  });

  it('forgets a token when it runs out, and all of them with other keys', () => {
    const cache = tokenCache(10);
    cache.put('a', keys, account, Date.now());
    expect(cache.get('a', keys)).toBeUndefined();
    cache.put('b', keys, account, later());
    const others = keySet([]);
    expect(cache.get('b', others)).toBeUndefined();
    cache.put('c', others, account, later());
    expect(cache.get('b', others)).toBeUndefined();
    expect(cache.get('b', keys)).toBeUndefined();
  });

  it('keeps a token only, and not the long header that it is a piece of', () => {
    setFlagsFromString('--expose-gc');
    const collect: () => void = runInNewContext('gc');
    const cache = tokenCache(1_000);
    collect();
    const before = process.memoryUsage().heapUsed;
    for (let index = 0; index < 3_000; index++) {
      const header = Buffer.alloc(200_000, `authorization: Bearer ${index} `).toString('latin1');
      cache.put(header.slice(22, 60), keys, account, later());
    }
    // A thousand headers would be 200 MB. Left alone, garbage stays for as long as nobody needs the room.
    collect();
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(100e6);
    expect(cache.get('x', keys)).toBeUndefined();
  });
});
