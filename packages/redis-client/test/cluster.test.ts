import { eventually } from '@micro/core/conformance';
import { missingServer, startRedisCluster } from '@micro/test-servers';
import { Redis } from 'ioredis';
import { describe, expect, test } from 'vitest';
import { redisLink, redisValues } from '../src/index.ts';

const missing = missingServer('redis');
/** Large enough that a server takes a while to read the writes that are under way. */
const VALUE_BYTES = 20_000;
/** Writes that are under way at a time. */
const WINDOW = 150;
const MOVES = 6;
const AGREED = { timeoutMs: 20_000 };
const OWNER = { id: 'test', name: 'the test', patienceMs: 20_000 };

describe.skipIf(missing !== undefined)(
  `a link to a cluster${missing === undefined ? '' : ` (skipped: ${missing})`}`,
  { timeout: 120_000 },
  () => {
    test('a slot that moves to another node while it is written keeps the order of writes, and loses none', async () => {
      await using cluster = await startRedisCluster();
      const link = redisLink({ url: cluster.urls, timeoutMs: 20_000 }, OWNER);
      const values = redisValues(link);
      const nodes = await Promise.all(
        cluster.servers.map(async ({ host, port }) => {
          const redis = new Redis(port, host);
          return { redis, host, port, id: (await redis.cluster('MYID')) as string };
        }),
      );
      const key = '{slot}order';
      const slot = Number(await nodes[0]?.redis.cluster('KEYSLOT', key));
      const ranges = (await nodes[0]?.redis.cluster('SLOTS')) ?? [];
      const range = ranges.find(([first, last]) => first <= slot && slot <= last);
      let owner = nodes.findIndex(({ port }) => port === range?.[2]?.[1]);
      let isOn = true;
      let last = 0;
      const writing = (async () => {
        const underWay: Promise<void>[] = [];
        while (isOn) {
          last += 1;
          underWay.push(values.write(key, String(last).padEnd(VALUE_BYTES), { ttlMs: 0 }));
          underWay.push(values.write(`{slot}${last}`, 'x', { ttlMs: 0 }));
          if (last % 10 === 0) await new Promise((resolve) => setImmediate(resolve));
          if (underWay.length >= WINDOW) await underWay.shift();
        }
        await Promise.all(underWay);
      })();
      writing.catch(() => {});
      for (let move = 0; move < MOVES; move++) {
        const source = nodes[owner];
        owner = (owner + 1) % nodes.length;
        const target = nodes[owner];
        if (source === undefined || target === undefined) throw new Error('a node is missing');
        await target.redis.cluster('SETSLOT', slot, 'IMPORTING', source.id);
        await source.redis.cluster('SETSLOT', slot, 'MIGRATING', target.id);
        while (true) {
          const keys = (await source.redis.cluster('GETKEYSINSLOT', slot, 100)) as string[];
          if (keys.length === 0) break;
          await source.redis.migrate(target.host, target.port, '', 0, 5_000, 'KEYS', ...keys);
        }
        for (const { redis } of [target, source, ...nodes]) await redis.cluster('SETSLOT', slot, 'NODE', target.id);
        // What a node has said of its slots before may still be on its way: in the next move it would count as a newer claim.
        await eventually(async () => {
          const views = await Promise.all(nodes.map(({ redis }) => ownersIn(redis)));
          expect(new Set(views).size).toBe(1);
        }, AGREED);
      }
      isOn = false;
      await writing;
      const order = (await values.read(key))?.value.toString().trim();
      expect(order).toBe(String(last));
      const kept = await Promise.all(Array.from({ length: last }, (_, index) => values.read(`{slot}${index + 1}`)));
      expect(kept.filter((value) => value === undefined)).toEqual([]);
      for (const { redis } of nodes) redis.disconnect();
      await link.close();
    });

    test('a node that is restarted while it is written keeps the order of writes', async () => {
      await using cluster = await startRedisCluster({
        appendOnly: true,
        args: ['--cluster-require-full-coverage', 'no'],
      });
      const link = redisLink({ url: cluster.urls, timeoutMs: 20_000 }, OWNER);
      const values = redisValues(link);
      const server = cluster.servers[0];
      if (server === undefined) throw new Error('a cluster without servers');
      const redis = new Redis(server.port, server.host);
      const id = (await redis.cluster('MYID')) as string;
      const table = (await redis.cluster('NODES')) as string;
      const [, from = '0', to = '0'] = new RegExp(`^${id} .* (\\d+)-(\\d+)$`, 'm').exec(table) ?? [];
      const keys: string[] = [];
      for (let count = 0; keys.length < 5; count++) {
        const slot = Number(await redis.cluster('KEYSLOT', `k${count}`));
        if (slot >= Number(from) && slot <= Number(to)) keys.push(`k${count}`);
      }
      redis.disconnect();
      for (let round = 1; round <= 3; round++) {
        const writes: Promise<void>[] = [];
        const restarted = server.kill().then(() => server.start());
        for (let count = 0; count <= 300; count++) {
          for (const key of keys) writes.push(values.write(key, `${round} ${count}`, { ttlMs: 0 }));
          await new Promise((resolve) => setTimeout(resolve, 1));
        }
        await restarted;
        await Promise.all(writes);
        const kept = await Promise.all(keys.map(async (key) => (await values.read(key))?.value.toString()));
        expect(kept).toEqual(keys.map(() => `${round} 300`));
      }
      await link.close();
    });
  },
);

/** Which node has which slots, and since which epoch, as one of them sees it. */
async function ownersIn(redis: Redis): Promise<string> {
  const lines = String(await redis.cluster('NODES'))
    .trim()
    .split('\n');
  return lines
    .map((line) => line.split(' '))
    .map(([id, , , , , , epoch, , ...slots]) => [id, epoch, ...slots].join(' '))
    .sort()
    .join('\n');
}
