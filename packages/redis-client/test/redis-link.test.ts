import { copyFile, mkdtemp, rm } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CODE, MicroError } from '@micro/core';
import { eventually } from '@micro/core/conformance';
import { missingServer, startRedis, startRedisCluster, type TestServer, testCertificates } from '@micro/test-servers';
import { Cluster, Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type RedisLink, type RedisOptions, redisLink, redisValues } from '../src/index.ts';

const missing = missingServer('redis');
const skipped = missing === undefined ? '' : ` (skipped: ${missing})`;

/** What a test made of a link: the link, its values, and the lines that it logged. */
interface Used extends AsyncDisposable {
  readonly link: RedisLink;
  readonly values: ReturnType<typeof redisValues>;
  readonly lines: readonly string[];
}

function use(options: RedisOptions): Used {
  const lines: string[] = [];
  const logger = {
    name: 'lines',
    enabled: () => true,
    log: (level: string, message: string) => void lines.push(`${level} ${message}`),
    logf: () => {},
    fields: () => logger,
  };
  const link = redisLink({ logger, ...options }, { id: 'test', name: 'the test', patienceMs: 5_000 });
  return { link, values: redisValues(link), lines, [Symbol.asyncDispose]: () => link.close() };
}

async function failure(promise: Promise<unknown>): Promise<MicroError> {
  const error: unknown = await promise.then(
    () => undefined,
    (caught: unknown) => caught,
  );
  if (error instanceof MicroError) return error;
  throw new Error(`it ended with ${String(error)}`);
}

const text = async ({ values }: Used, key: string): Promise<string | undefined> =>
  (await values.read(key))?.value.toString();

describe.skipIf(missing !== undefined)(`a link to a server${skipped}`, () => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startRedis();
  });
  afterAll(() => server?.close());

  test('what is written is read, with its end, and removed', async () => {
    await using used = use({ url: server.url });
    const { values } = used;
    await values.write('a', 'one', { ttlMs: 0 });
    expect(await values.read('a')).toEqual({ value: Buffer.from('one'), expiresAt: undefined });
    await values.write('a', Buffer.from([0, 255]), { ttlMs: 90_000 });
    const read = await values.read('a');
    expect(read?.value).toEqual(Buffer.from([0, 255]));
    expect(Math.abs((read?.expiresAt ?? 0) - Date.now() - 90_000)).toBeLessThan(2_000);
    await values.remove('a');
    expect(await values.read('a')).toBeUndefined();
  });

  test('what is done in one tick keeps its order, whatever it is', async () => {
    await using used = use({ url: server.url });
    const { values } = used;
    const seen = await Promise.all([
      values.write('o', '1', { ttlMs: 0 }),
      values.read('o'),
      values.write('o', '2', { ttlMs: 60_000 }),
      values.write('o', '3', { ttlMs: 0 }),
      values.read('o'),
      values.read('o'),
      values.remove('o'),
      values.read('o'),
      values.write('o', '4', { ttlMs: 0 }),
    ]);
    expect(seen.map((one) => one?.value.toString())).toEqual([
      undefined,
      '1',
      undefined,
      undefined,
      '3',
      '3',
      undefined,
      undefined,
      undefined,
    ]);
    expect(await text(used, 'o')).toBe('4');
    expect(await values.read('o')).toMatchObject({ expiresAt: undefined });
  });

  test('many values of one tick share commands, and a large one goes alone', async () => {
    await using used = use({ url: server.url });
    const redis = new Redis(server.port);
    await redis.config('RESETSTAT');
    await Promise.all(Array.from({ length: 1_000 }, (_, index) => used.values.write(`m${index}`, 'x', { ttlMs: 0 })));
    await Promise.all(Array.from({ length: 1_000 }, (_, index) => used.values.read(`m${index}`)));
    await used.values.write('large', Buffer.alloc(1_000_000), { ttlMs: 0 });
    const stats = await redis.info('commandstats');
    redis.disconnect();
    expect(stats).toMatch(/cmdstat_mset:calls=8,/);
    expect(stats).toMatch(/cmdstat_mget:calls=8,/);
    expect(stats).toMatch(/cmdstat_set:calls=1,/);
  });

  test('what is no value is a 409 that names the key, alone and among others', async () => {
    await using used = use({ url: server.url });
    const redis = new Redis(server.port);
    await redis.hset('hash', 'a', '1');
    await redis.set('plain', 'x');
    redis.disconnect();
    expect(await failure(used.values.read('hash'))).toMatchObject({ code: CODE.conflict, id: 'test' });
    const [plain, hash, nothing] = await Promise.allSettled([
      used.values.read('plain'),
      used.values.read('hash'),
      used.values.read('nothing'),
    ]);
    expect(plain).toMatchObject({ value: { value: Buffer.from('x') } });
    expect(hash).toMatchObject({ reason: { code: CODE.conflict, detail: expect.stringContaining('reading "hash"') } });
    expect(nothing).toMatchObject({ value: undefined });
  });

  test('a database of the server is another one, and one that it does not have is a 400 that writes nothing', async () => {
    await using third = use({ url: `${server.url}/3` });
    await third.values.write('db', 'third', { ttlMs: 0 });
    await using zero = use({ url: server.url });
    expect(await text(zero, 'db')).toBeUndefined();
    await using none = use({ url: `${server.url}/99` });
    const error = await failure(none.values.write('db', 'lost', { ttlMs: 0 }));
    expect(error).toMatchObject({ code: CODE.badRequest });
    expect(error.detail).toContain('DB index is out of range');
    expect(await text(zero, 'db')).toBeUndefined();
  });

  test('a call whose signal aborts is cancelled', async () => {
    await using used = use({ url: server.url });
    expect(await failure(used.values.read('a', AbortSignal.abort()))).toMatchObject({ code: CODE.cancelled });
    server.freeze();
    try {
      const controller = new AbortController();
      const reading = failure(used.values.read('a', controller.signal));
      setTimeout(() => controller.abort(), 50);
      expect(await reading).toMatchObject({ code: CODE.cancelled, detail: 'reading "a" was cancelled' });
      const late = failure(used.values.read('a', AbortSignal.timeout(50)));
      expect(await late).toMatchObject({ code: CODE.timeout });
    } finally {
      server.thaw();
    }
  });

  test('a duration that no timer can wait for is a long one, and not the shortest', async () => {
    await using server = await startRedis();
    const years = 10 ** 12;
    await using used = use({ url: server.url, timeoutMs: years, patienceMs: years, connectTimeoutMs: years });
    await used.values.write('a', 'x', { ttlMs: 0 });
    await server.kill();
    const waits = text(used, 'a');
    await eventually(() => expect(used.lines.length).toBe(1));
    await server.start();
    expect(await waits).toBeUndefined();
    expect(used.lines.length).toBe(2);
  });

  test('a call that is late is a 408 that names the server', async () => {
    await using used = use({ url: server.url, timeoutMs: 300 });
    // To connect may take longer than that.
    await eventually(() => used.values.write('a', 'x', { ttlMs: 0 }));
    server.freeze();
    try {
      const begun = performance.now();
      const error = await failure(used.values.read('a'));
      expect(error.detail).toBe(`reading "a" took longer than 300 ms: redis at ${server.address} does not answer`);
      expect(error.code).toBe(CODE.timeout);
      expect(performance.now() - begun).toBeLessThan(3_000);
    } finally {
      server.thaw();
    }
    await eventually(() => used.values.read('a'));
  });

  test('what waits for answers has a limit, and a call on top is a 429', async () => {
    await using used = use({ url: server.url, maxPendingBytes: 100_000 });
    await used.values.write('a', 'x', { ttlMs: 0 });
    server.freeze();
    try {
      const writes = Array.from({ length: 20 }, (_, index) =>
        used.values.write(`big${index}`, Buffer.alloc(10_000), { ttlMs: 0 }),
      );
      // They are one batch at the end of the tick.
      await new Promise((resolve) => setImmediate(resolve));
      const error = await failure(used.values.write('more', Buffer.alloc(10_000), { ttlMs: 0 }));
      expect(error.code).toBe(CODE.tooManyRequests);
      expect(error.detail).toContain('(maxPendingBytes)');
      server.thaw();
      await Promise.all(writes);
    } finally {
      server.thaw();
    }
    await eventually(() => used.values.write('more', 'x', { ttlMs: 0 }));
  });
});

describe.skipIf(missing !== undefined)(`who may come in${skipped}`, () => {
  test('a password is shown, also that of an address, and a wrong one is a 401 without it, at once', async () => {
    await using server = await startRedis({ password: 'hunter2' });
    await using given = use({ url: server.url, password: 'hunter2' });
    await given.values.write('a', 'x', { ttlMs: 0 });
    await using addressed = use({ url: server.url.replace('://', '://:hunter2@') });
    expect(await text(addressed, 'a')).toBe('x');
    for (const password of ['wrong-one', undefined]) {
      await using wrong = use({ url: server.url, password });
      const begun = performance.now();
      const error = await failure(wrong.values.read('a'));
      expect(error.code).toBe(CODE.unauthorized);
      expect(error.detail).toContain(`redis at ${server.address} refuses this client`);
      expect(performance.now() - begun).toBeLessThan(2_500);
      expect([error.detail, ...wrong.lines].join()).not.toContain('wrong-one');
    }
  });

  test('a user without a right is a 403', async () => {
    await using server = await startRedis();
    const admin = new Redis(server.port);
    await admin.acl('SETUSER', 'reader', 'on', '>pw', '~*', '+@read', '+@connection', '+info');
    admin.disconnect();
    await using used = use({ url: server.url, username: 'reader', password: 'pw' });
    expect(await used.values.read('a')).toBeUndefined();
    expect(await failure(used.values.write('a', 'x', { ttlMs: 0 }))).toMatchObject({ code: CODE.forbidden });
  });

  test('a key that is not allowed fails those who ask for it, and not those who ask for others in the same tick', async () => {
    await using server = await startRedis();
    const admin = new Redis(server.port);
    await admin.acl('SETUSER', 'half', 'on', '>pw', '~mine*', '+@all');
    admin.disconnect();
    await using used = use({ url: server.url, username: 'half', password: 'pw' });
    const { values } = used;
    await values.write('mine1', 'x', { ttlMs: 0 });
    const codes = async (promises: readonly Promise<unknown>[]): Promise<readonly unknown[]> =>
      (await Promise.allSettled(promises)).map((one) => (one.status === 'rejected' ? one.reason.code : 'ok'));
    const expected = ['ok', CODE.forbidden, 'ok'];
    const keys = ['mine1', 'theirs', 'mine2'];
    expect(await codes(keys.map((key) => values.read(key)))).toEqual(expected);
    expect(await codes(keys.map((key) => values.write(key, 'y', { ttlMs: 0 })))).toEqual(expected);
    expect(await codes(keys.map((key) => values.remove(key)))).toEqual(expected);
  });

  test('a server that has no memory left is a 429, and still reads', async () => {
    await using server = await startRedis({ args: ['--maxmemory', '2mb', '--maxmemory-policy', 'noeviction'] });
    await using used = use({ url: server.url });
    await used.values.write('small', 'x', { ttlMs: 0 });
    const error = await failure(
      (async () => {
        for (let count = 0; count < 100; count++) {
          await used.values.write(`k${count}`, Buffer.alloc(100_000), { ttlMs: 0 });
        }
      })(),
    );
    expect(error.code).toBe(CODE.tooManyRequests);
    expect(error.detail).toContain('OOM');
    expect(await text(used, 'small')).toBe('x');
  });

  test('certificates are verified, and those of a client are shown', async () => {
    const { caFile, clientCertFile, clientKeyFile } = testCertificates();
    await using server = await startRedis({ tls: 'mutual' });
    const tls = { caFile, certFile: clientCertFile, keyFile: clientKeyFile };
    await using good = use({ url: server.url, tls });
    await good.values.write('a', 'x', { ttlMs: 0 });
    expect(await text(good, 'a')).toBe('x');
    const { caFile: _, ...noCa } = tls;
    await using strict = use({ url: server.url, tls: noCa, patienceMs: 200 });
    expect(await failure(strict.values.read('a'))).toMatchObject({
      code: CODE.unavailable,
      detail: expect.stringMatching(/certificate/),
    });
    await using careless = use({ url: server.url, tls: { ...noCa, insecure: true } });
    expect(await text(careless, 'a')).toBe('x');
    await using nobody = use({ url: server.url, tls: { caFile }, patienceMs: 200 });
    expect((await failure(nobody.values.read('a'))).code).toBe(CODE.unavailable);
  });

  test('files of certificates that change are used by the next connection', async () => {
    const { caFile, clientCertFile, clientKeyFile } = testCertificates();
    const folder = await mkdtemp(join(tmpdir(), 'redis-tls-'));
    try {
      await using server = await startRedis({ tls: 'mutual' });
      const files = { certFile: join(folder, 'cert.pem'), keyFile: join(folder, 'key.pem') };
      // The key of somebody else: with it, not even an attempt can begin.
      await copyFile(clientCertFile, files.certFile);
      await copyFile(testCertificates().keyFile, files.keyFile);
      await using used = use({ url: server.url, tls: { caFile, ...files }, patienceMs: 200 });
      expect((await failure(used.values.read('a'))).code).toBe(CODE.unavailable);
      await copyFile(clientKeyFile, files.keyFile);
      await eventually(() => used.values.read('a'), { timeoutMs: 10_000 });
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  test('a socket file is an address', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'redis-socket-'));
    const path = join(folder, 'redis.sock');
    await using server = await startRedis({ args: ['--unixsocket', path] });
    expect(server.running).toBe(true);
    await using used = use({ url: `unix://${path}?db=2` });
    await used.values.write('a', 'x', { ttlMs: 0 });
    expect(await text(used, 'a')).toBe('x');
    await server.kill();
    await rm(folder, { recursive: true, force: true });
    const { detail } = await failure(use({ url: `unix://${path}`, patienceMs: 100 }).values.read('a'));
    expect(detail).toContain(`redis at ${path} cannot be reached`);
  });
});

describe('a link to something that speaks like redis, and is none', () => {
  test('ends its calls with a 503 that says so, and the process lives on', async () => {
    // A number, whatever is asked.
    const other = createServer((socket) => {
      socket.on('error', () => {});
      socket.on('data', (data) => socket.write(':5\r\n'.repeat(data.toString('latin1').match(/^\*\d/gm)?.length ?? 0)));
    });
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    try {
      const { port } = other.address() as AddressInfo;
      await using used = use({ url: `redis://127.0.0.1:${port}`, timeoutMs: 2_000 });
      const { values } = used;
      const alone = await failure(values.read('a'));
      const [among] = await Promise.all([failure(values.read('a')), failure(values.read('b'))]);
      for (const error of [alone, among]) {
        expect(error.code).toBe(CODE.unavailable);
        expect(error.detail).toContain('is no answer of redis');
      }
    } finally {
      other.close();
    }
  });
});

describe.skipIf(missing !== undefined)(`a ready client${skipped}`, () => {
  test('it is used, and left as it was', async () => {
    await using server = await startRedis();
    const client = new Redis(server.port, { lazyConnect: true });
    const listeners = client.eventNames().length;
    const used = use({ client });
    await used.values.write('a', 'x', { ttlMs: 0 });
    await used.link.close();
    expect(client.status).toBe('ready');
    expect(await client.get('a')).toBe('x');
    expect(client.eventNames()).toHaveLength(listeners);
    client.disconnect();
  });

  test('one that answers numbers as text reads when a value ends, and that there is none', async () => {
    await using server = await startRedis();
    const client = new Redis(server.port, { stringNumbers: true });
    try {
      await using used = use({ client });
      const { values } = used;
      await values.write('number', 'x', { ttlMs: 90_000 });
      const together = [values.read('number'), values.read('no number')];
      const [among, none] = await Promise.all(together);
      for (const found of [among, await values.read('number')]) {
        const leftMs = (found?.expiresAt ?? 0) - Date.now();
        expect(leftMs > 60_000 && leftMs <= 90_000, `it ends in ${leftMs} ms`).toBe(true);
      }
      expect(none).toBeUndefined();
      await values.write('number', 'x', { ttlMs: 0 });
      expect((await values.read('number'))?.expiresAt).toBeUndefined();
    } finally {
      client.disconnect();
    }
  });

  test('calls have their deadline, whatever the client would wait for', async () => {
    await using server = await startRedis();
    const client = new Redis(server.port, { maxRetriesPerRequest: null });
    client.on('error', () => {});
    await using used = use({ client, timeoutMs: 500, patienceMs: 300 });
    // To connect may take longer than that.
    await eventually(() => used.values.write('a', 'x', { ttlMs: 0 }));
    server.freeze();
    expect(await failure(used.values.read('a'))).toMatchObject({ code: CODE.timeout });
    server.thaw();
    await server.kill();
    // Until it has noticed, it takes calls and keeps them to itself.
    await eventually(() => expect(client.status).not.toBe('ready'));
    const begun = performance.now();
    expect(await failure(used.values.read('a'))).toMatchObject({ code: CODE.unavailable });
    expect(performance.now() - begun).toBeLessThan(3_000);
    await server.start();
    await eventually(() => used.values.read('a'), { timeoutMs: 20_000 });
    expect(used.lines).toHaveLength(2);
    client.disconnect();
  });

  test('one that its owner closed is a 503 at once', async () => {
    await using server = await startRedis();
    const client = new Redis(server.port);
    await using used = use({ client });
    await used.values.read('a');
    await client.quit();
    await eventually(() => expect(client.status).toBe('end'));
    const begun = performance.now();
    expect(await failure(used.values.read('a'))).toMatchObject({ code: CODE.unavailable });
    expect(performance.now() - begun).toBeLessThan(1_000);
    await using unused = use({ client });
    expect(await failure(unused.values.read('a'))).toMatchObject({ code: CODE.unavailable });
  });

  test('one server of a cluster, taken for all of it, says so, and is enough to find the others', async () => {
    await using cluster = await startRedisCluster();
    const [url] = cluster.urls;
    await using alone = use({ url });
    const keys = Array.from({ length: 20 }, (_, index) => `k${index}`);
    const error = await failure(Promise.all(keys.map((key) => alone.values.write(key, 'x', { ttlMs: 0 }))));
    expect(error.detail).toContain('it is a node of a cluster: say so with the option cluster');
    await using all = use({ url, cluster: true });
    await Promise.all(keys.map((key) => all.values.write(key, 'x', { ttlMs: 0 })));
    expect(await all.link.masters()).toHaveLength(3);
  });

  test('that of a cluster is one too', async () => {
    await using cluster = await startRedisCluster();
    const client = new Cluster(cluster.servers.map(({ host, port }) => ({ host, port })));
    const used = use({ client });
    await Promise.all(Array.from({ length: 50 }, (_, index) => used.values.write(`k${index}`, 'x', { ttlMs: 0 })));
    expect(await text(used, 'k7')).toBe('x');
    expect(await used.link.masters()).toHaveLength(3);
    await used.link.close();
    expect(client.status).toBe('ready');
    client.disconnect();
  });
});
