import type { Cache } from '@micro/core';
import { cacheCases, runConformance } from '@micro/core/conformance';
import { missingServer, startRedis, startRedisCluster, startRedisSentinel } from '@micro/test-servers';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, test } from 'vitest';
import { type RedisCacheOptions, redisCache } from '../src/index.ts';

const missing = missingServer('redis');
const skipped = missing === undefined ? '' : ` (skipped: ${missing})`;

interface Backend {
  readonly options: RedisCacheOptions;
  /** Keys have no prefix, so each case begins with an empty Redis. */
  empty(): Promise<void>;
  close(): Promise<void>;
}

declare('one server', async () => {
  const server = await startRedis();
  return { options: { url: server.url }, empty: () => flush([server.port]), close: () => server.close() };
});

declare('a cluster of three masters', async () => {
  const cluster = await startRedisCluster();
  const ports = cluster.servers.map(({ port }) => port);
  return { options: { url: cluster.urls }, empty: () => flush(ports), close: () => cluster.close() };
});

declare('the master of three sentinels', async () => {
  const system = await startRedisSentinel();
  const url = system.sentinels.map(({ address }) => `redis+sentinel://${address}/mymaster`);
  const empty = async (): Promise<void> => flush([(await system.master()).port]);
  return { options: { url }, empty, close: () => system.close() };
});

function declare(name: string, start: () => Promise<Backend>): void {
  describe.skipIf(missing !== undefined)(`${name}${skipped}`, () => {
    let backend: Backend | undefined;
    beforeAll(async () => {
      backend = await start();
    });
    afterAll(() => backend?.close());
    runConformance({
      test,
      cases: cacheCases,
      async world() {
        await backend?.empty();
        const made: Cache[] = [];
        return {
          supports: { types: false },
          create({ ttlMs } = {}) {
            const cache = redisCache({ ...backend?.options, ttlMs });
            made.push(cache);
            return cache;
          },
          async close() {
            await Promise.all(made.map((cache) => cache.close()));
          },
        };
      },
    });
  });
}

async function flush(ports: readonly number[]): Promise<void> {
  for (const port of ports) {
    const redis = new Redis(port);
    await redis.flushall();
    redis.disconnect();
  }
}
