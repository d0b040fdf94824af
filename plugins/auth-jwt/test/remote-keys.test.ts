import { CODE } from '@micro/core';
import { eventually } from '@micro/core/conformance';
import { testCertificates } from '@micro/test-servers';
import { describe, expect, it } from 'vitest';
import { jwtAuth } from '../src/index.ts';
import { forge, goClaims, unauthorized } from './forge.ts';
import { jwksServer } from './jwks-server.ts';
import { edKey } from './keys.ts';

const [first, second] = [edKey(), edKey()];
const tokenOf = (key: typeof first, kid: string) => forge(key.privateKey, goClaims(), { alg: 'EdDSA', kid });

/** Expects 503 with a text that fits. */
async function unavailable(promise: Promise<unknown>, reason: RegExp): Promise<void> {
  await expect(promise).rejects.toMatchObject({ code: CODE.unavailable, detail: expect.stringMatching(reason) });
}

describe.concurrent('keys from a URL', () => {
  it('are fetched when the first token comes, once for all who wait, and not before', async () => {
    await using server = await jwksServer([first.jwk('1')]);
    const auth = jwtAuth({ jwks: { url: server.url } });
    expect(server.asked).toBe(0);
    const tokens = Array.from({ length: 20 }, () => tokenOf(first, '1'));
    await Promise.all(tokens.map((token) => auth.inspect(token)));
    for (const token of tokens) await auth.inspect(token);
    expect(server.asked).toBe(1);
    expect(server.requests[0]?.headers).toMatchObject({ accept: expect.stringContaining('application/json') });
  });

  it('come again when a token names a key that is not there, so a new key is known with its first token', async () => {
    await using server = await jwksServer([first.jwk('1')]);
    const auth = jwtAuth({ jwks: { url: server.url, cooldownMs: 0 } });
    await auth.inspect(tokenOf(first, '1'));
    server.publish([first.jwk('1'), second.jwk('2')]);
    const tokens = Array.from({ length: 20 }, () => tokenOf(second, '2'));
    await Promise.all(tokens.map((token) => auth.inspect(token)));
    expect(server.asked).toBe(2);
  });

  it('are not fetched for each token with an unknown key: whoever sends many costs one request per cool-down', async () => {
    await using server = await jwksServer([first.jwk('1')]);
    const auth = jwtAuth({ jwks: { url: server.url, cooldownMs: 1_000 } });
    const began = performance.now();
    await auth.inspect(tokenOf(first, '1'));
    const mallory = edKey();
    for (let index = 0; index < 200; index++) {
      await unauthorized(auth.inspect(tokenOf(mallory, `made-up-${index}`)), /the key "made-up-/);
    }
    const coolDowns = Math.ceil((performance.now() - began) / 1_000);
    expect(server.asked).toBeLessThanOrEqual(1 + coolDowns);
    server.publish([second.jwk('2')]);
    await eventually(() => auth.inspect(tokenOf(second, '2')), { timeoutMs: 10_000 });
  });

  it('are not fetched for a token that names a known key and is signed by another', async () => {
    await using server = await jwksServer([first.jwk('1')]);
    const auth = jwtAuth({ jwks: { url: server.url, cooldownMs: 0 } });
    for (let index = 0; index < 5; index++) await unauthorized(auth.inspect(tokenOf(second, '1')), /no key/);
    expect(server.asked).toBe(1);
  });

  it('that are taken away are not accepted any more after refreshMs, tokens that are remembered included', async () => {
    await using server = await jwksServer([first.jwk('1'), second.jwk('2')]);
    const auth = jwtAuth({ jwks: { url: server.url, refreshMs: 400 } });
    const token = tokenOf(first, '1');
    await auth.inspect(token);
    server.publish([second.jwk('2')]);
    const began = performance.now();
    await eventually(() => unauthorized(auth.inspect(token), /the key "1"/), { timeoutMs: 10_000, everyMs: 10 });
    // Generous: what has to hold is that it is not the hour of staleMs.
    expect(performance.now() - began).toBeLessThan(5_000);
    await auth.inspect(tokenOf(second, '2'));
  });

  it('that grew old while nobody asked are not used for the next token before they are fetched', async () => {
    await using server = await jwksServer([first.jwk('1')]);
    const auth = jwtAuth({ jwks: { url: server.url, refreshMs: 100 } });
    const token = tokenOf(first, '1');
    await auth.inspect(token);
    server.publish([second.jwk('2')]);
    await new Promise((resolve) => setTimeout(resolve, 150));
    await unauthorized(auth.inspect(token), /the key "1"/);
  });

  it('are fetched again in the background before they are old, and a call does not wait for it', async () => {
    await using server = await jwksServer([first.jwk('1')]);
    const auth = jwtAuth({ jwks: { url: server.url, refreshMs: 8_000, timeoutMs: 60_000 } });
    const token = tokenOf(first, '1');
    await auth.inspect(token);
    // Whoever waited for this answer would wait for a minute.
    server.behave(() => {});
    const before = server.asked;
    await eventually(
      async () => {
        await auth.inspect(token);
        expect(server.asked).toBe(before + 1);
      },
      { timeoutMs: 20_000, everyMs: 10 },
    );
    await auth.inspect(token);
    expect(server.asked).toBe(before + 1);
    await server.stop();
  });

  it('that are the same as before leave what is remembered as it is', async () => {
    await using server = await jwksServer([first.jwk('1')]);
    const auth = jwtAuth({ jwks: { url: server.url, refreshMs: 50 } });
    const token = tokenOf(first, '1');
    const account = await auth.inspect(token);
    await eventually(async () => {
      expect(await auth.inspect(token)).toBe(account);
      expect(server.asked).toBeGreaterThan(3);
    });
  });

  it('with refreshMs 0 are fetched again for an unknown key only', async () => {
    await using server = await jwksServer([first.jwk('1')]);
    const auth = jwtAuth({ jwks: { url: server.url, refreshMs: 0, cooldownMs: 0 } });
    await auth.inspect(tokenOf(first, '1'));
    await auth.inspect(tokenOf(first, '1'));
    expect(server.asked).toBe(1);
    server.publish([second.jwk('2')]);
    await auth.inspect(tokenOf(second, '2'));
    expect(server.asked).toBe(2);
  });
});

describe.concurrent('keys over https', () => {
  const { ca, caFile, cert, key, clientCertFile, clientKeyFile } = testCertificates();

  it('are fetched from who can prove to be the server', async () => {
    await using server = await jwksServer([first.jwk('1')], { cert, key });
    for (const tls of [{ ca }, { caFile }]) {
      expect((await jwtAuth({ jwks: { url: server.url, tls } }).inspect(tokenOf(first, '1'))).id).toBe('alice');
    }
    const named = { ca, serverName: 'localhost' };
    await jwtAuth({ jwks: { url: server.url, tls: named } }).inspect(tokenOf(first, '1'));
  });

  it('are not fetched from anybody else, unless that is said', async () => {
    await using server = await jwksServer([first.jwk('1')], { cert, key });
    await unavailable(jwtAuth({ jwks: { url: server.url } }).inspect(tokenOf(first, '1')), /certificate/);
    const other = { ca, serverName: 'elsewhere.example' };
    await unavailable(
      jwtAuth({ jwks: { url: server.url, tls: other } }).inspect(tokenOf(first, '1')),
      /elsewhere\.example/,
    );
    expect(server.asked).toBe(0);
    await jwtAuth({ jwks: { url: server.url, tls: { insecure: true } } }).inspect(tokenOf(first, '1'));
  });

  it('are fetched with a certificate of our own where the server asks for one', async () => {
    await using server = await jwksServer([first.jwk('1')], { cert, key, ca, requestCert: true });
    await unavailable(jwtAuth({ jwks: { url: server.url, tls: { ca } } }).inspect(tokenOf(first, '1')), /./);
    const tls = { ca, certFile: clientCertFile, keyFile: clientKeyFile };
    await jwtAuth({ jwks: { url: server.url, tls } }).inspect(tokenOf(first, '1'));
  });

  it('need certificates that are there at the start', () => {
    expect(() => jwtAuth({ jwks: { url: 'https://localhost/k', tls: { caFile: '/nowhere/ca.pem' } } })).toThrow(
      'ENOENT',
    );
  });
});
