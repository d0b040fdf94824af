import { runConformance, type StoreSupport, storeCases } from '@micro/core/conformance';
import { missingServer, startRedis, startRedisCluster, startRedisSentinel } from '@micro/test-servers';
import { afterAll, beforeAll, describe, test } from 'vitest';
import type { RedisStoreOptions } from '../src/index.ts';
import { GO_KEYS, SEPARATE, worldOf } from './worlds.ts';

const missing = missingServer('redis');
const skipped = missing === undefined ? '' : ` (skipped: ${missing})`;

interface Backend {
  readonly options: RedisStoreOptions;
  close(): Promise<void>;
}

const CLASH = {
  'a table sees nothing of another, whatever the names and the keys are':
    "go-micro's keys put the table and the key together without a separator, so the tables a and ab overlap",
};

declare('one server', GO_KEYS, CLASH, async () => {
  const server = await startRedis();
  return { options: { url: server.url }, close: () => server.close() };
});

declare('one server, with a separator', SEPARATE, {}, async () => {
  const server = await startRedis();
  return { options: { url: server.url, separator: '|' }, close: () => server.close() };
});

declare('a cluster of three masters', GO_KEYS, CLASH, async () => {
  const cluster = await startRedisCluster();
  return { options: { url: cluster.urls }, close: () => cluster.close() };
});

declare('the master of three sentinels', GO_KEYS, CLASH, async () => {
  const system = await startRedisSentinel();
  const url = system.sentinels.map(({ address }) => `redis+sentinel://${address}/mymaster`);
  return { options: { url }, close: () => system.close() };
});

function declare(
  name: string,
  supports: StoreSupport,
  skip: Readonly<Record<string, string>>,
  start: () => Promise<Backend>,
): void {
  describe.skipIf(missing !== undefined)(`${name}${skipped}`, () => {
    let backend: Backend | undefined;
    beforeAll(async () => {
      backend = await start();
    });
    afterAll(() => backend?.close());
    runConformance({ test, cases: storeCases, world: () => worldOf(backend?.options ?? {}, supports), skip });
  });
}
