import { CODE } from '@micro/core';
import { eventually } from '@micro/core/conformance';
import { describe, expect, it } from 'vitest';
import { jwtAuth } from '../../src/index.ts';
import { forge, goClaims, unauthorized } from '../forge.ts';
import { jwksServer } from '../jwks-server.ts';
import { edKey } from '../keys.ts';
import { keepingLogger } from '../lines.ts';

const [first, second] = [edKey(), edKey()];
const tokenOf = (key: typeof first, kid: string) => forge(key.privateKey, goClaims(), { alg: 'EdDSA', kid });

/** Expects 503 with a text that fits. */
async function unavailable(promise: Promise<unknown>, reason: RegExp): Promise<void> {
  await expect(promise).rejects.toMatchObject({ code: CODE.unavailable, detail: expect.stringMatching(reason) });
}

describe.concurrent('keys that cannot be fetched', () => {
  it('fail with 503 and a text that names the URL, and are tried again after a pause', async () => {
    await using server = await jwksServer([first.jwk('1')]);
    const { logger, lines } = keepingLogger();
    await server.stop();
    const auth = jwtAuth({ logger, jwks: { url: server.url } });
    const token = tokenOf(first, '1');
    await unavailable(auth.inspect(token), new RegExp(`^cannot get the keys from ${server.url}: .*ECONNREFUSED`));
    // In the pause nobody tries, and all are told the same.
    await unavailable(auth.inspect(token), /ECONNREFUSED/);
    await server.start();
    expect((await eventually(() => auth.inspect(token), { timeoutMs: 20_000 })).id).toBe('alice');
    expect(lines).toEqual([
      expect.stringMatching(/^warn cannot get the keys from http:.*ECONNREFUSED/),
      `info the keys from ${server.url} are there again`,
    ]);
  });

  it('do not hold a call up for longer than timeoutMs', async () => {
    await using server = await jwksServer([]);
    server.behave(() => {});
    const auth = jwtAuth({ jwks: { url: server.url, timeoutMs: 200 } });
    const began = performance.now();
    await unavailable(
      auth.inspect(tokenOf(first, '1')),
      new RegExp(`${server.url}: getting the keys .* longer than 200 ms`),
    );
    expect(performance.now() - began).toBeLessThan(5_000);
  });

  it('nor do those that trickle in', async () => {
    await using server = await jwksServer([]);
    server.behave((_, response) => {
      response.write('{"keys":[');
      const timer = setInterval(() => response.write(' '), 20);
      response.on('close', () => clearInterval(timer));
    });
    const auth = jwtAuth({ jwks: { url: server.url, timeoutMs: 300 } });
    await unavailable(auth.inspect(tokenOf(first, '1')), /longer than 300 ms/);
  });

  it('leave the old ones in use for staleMs, with one line in the log, and then nothing is accepted', async () => {
    await using server = await jwksServer([first.jwk('1')]);
    const { logger, lines } = keepingLogger();
    const auth = jwtAuth({ logger, jwks: { url: server.url, refreshMs: 200, staleMs: 3_000, cooldownMs: 0 } });
    const token = tokenOf(first, '1');
    await auth.inspect(token);
    await server.stop();
    let accepted = 0;
    await eventually(
      async () => {
        const answer = await auth.inspect(token).then(
          () => undefined,
          (error: unknown) => error,
        );
        if (answer === undefined) accepted++;
        expect(answer).toMatchObject({ code: CODE.unavailable, detail: expect.stringContaining(server.url) });
      },
      { timeoutMs: 20_000 },
    );
    expect(accepted).toBeGreaterThan(5);
    expect(lines).toHaveLength(1);
    await server.start();
    await eventually(() => auth.inspect(token), { timeoutMs: 20_000 });
    expect(lines).toHaveLength(2);
  });

  it('make a token with an unknown key 401 while the old ones are in use', async () => {
    await using server = await jwksServer([first.jwk('1')]);
    const auth = jwtAuth({ jwks: { url: server.url, cooldownMs: 0 } });
    await auth.inspect(tokenOf(first, '1'));
    await server.stop();
    await unauthorized(auth.inspect(tokenOf(second, '2')), /the key "2"/);
    await auth.inspect(tokenOf(first, '1'));
  });

  it.each<[string, Parameters<Awaited<ReturnType<typeof jwksServer>>['behave']>[0], RegExp]>([
    ['an error', (_, response) => response.writeHead(500).end('{}'), /it answered 500/],
    [
      'a redirect',
      (_, response) => response.writeHead(302, { location: 'http://127.0.0.1:1/' }).end(),
      /it answered 302: give the URL that it leads to/,
    ],
    ['a page', (_, response) => response.end('<html>'), /the answer is no JWK set: it is not JSON/],
    ['no set', (_, response) => response.end('{"keys":{}}'), /the answer is no JWK set: it has no list of keys/],
    ['null', (_, response) => response.end('null'), /it is not an object/],
    [
      'too many keys',
      (_, response) => response.end(JSON.stringify({ keys: Array.from({ length: 101 }, () => ({})) })),
      /has 101 keys: at most 100 are read/,
    ],
    ['half of an answer', (_, response) => response.writeHead(200, { 'content-length': 99 }).end('{"keys":[]}'), /./],
    ['a lost connection', (_, response) => response.destroy(), /socket hang up|lost/],
    [
      'megabytes',
      (_, response) => {
        const more = () => {
          while (!response.destroyed && response.write(' '.repeat(65_536)));
        };
        response.on('drain', more);
        more();
      },
      /it answered more than 1048576 bytes/,
    ],
  ])('because of %s are told with the URL', async (_, how, reason) => {
    await using server = await jwksServer([]);
    server.behave(how);
    const auth = jwtAuth({ jwks: { url: `${server.url}?key=geheim`, timeoutMs: 10_000 } });
    const answer = auth.inspect(tokenOf(first, '1'));
    await unavailable(answer, reason);
    await unavailable(answer, new RegExp(`^cannot get the keys from ${server.url}: `));
    await expect(answer).rejects.not.toThrow('geheim');
  });

  it('because none of an answer can be used let nobody in, and the log says why', async () => {
    const { logger, lines } = keepingLogger();
    await using server = await jwksServer([{ kty: 'oct', k: 'YWJj' }]);
    const auth = jwtAuth({ logger, jwks: { url: server.url } });
    await unauthorized(auth.inspect(tokenOf(first, '1')), /no key/);
    expect(lines).toEqual([
      `warn ${server.url}: key 0 of the answer has the member k, which is secret: give the public key; it is not used`,
    ]);
  });
});
