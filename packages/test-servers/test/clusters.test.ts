import { describe, expect, test } from 'vitest';
import { askJson } from '../src/ask-http.ts';
import {
  createNamespace,
  missingNamespace,
  missingServer,
  startEtcdCluster,
  startNatsCluster,
  startRedisCluster,
  startRedisSentinel,
} from '../src/index.ts';
import { poll } from '../src/poll.ts';
import { askRedis } from '../src/redis-wire.ts';
import { named } from './kinds.ts';

const etcd = missingServer('etcd');
const redis = missingServer('redis');
const nats = missingServer('nats');
const namespace = missingNamespace();

const KEY = Buffer.from('colour').toString('base64');
const put = (url: string) => askJson(`${url}/v3/kv/put`, { body: { key: KEY, value: KEY } });
const read = (url: string) => askJson(`${url}/v3/kv/range`, { body: { key: KEY } });

describe.concurrent('etcd servers', { timeout: 120_000 }, () => {
  test.skipIf(etcd !== undefined)(
    named('have one leader, and another one when it is killed', etcd),
    async ({ expect }) => {
      await using cluster = await startEtcdCluster();
      expect(cluster.urls).toHaveLength(3);
      const first = await cluster.leader();
      expect(await cluster.followers()).toHaveLength(2);
      await put(first.url);
      await first.kill();
      const second = await cluster.leader();
      expect(second).not.toBe(first);
      expect((await read(second.url)).count).toBe('1');
      expect(await cluster.followers()).toHaveLength(1);
      await first.start();
      await poll('the return of the first', 60_000, async () => (await cluster.followers()).length === 2);
      expect((await read(first.url)).count).toBe('1');
    },
  );

  test.skipIf(etcd !== undefined)(named('speak TLS to their clients', etcd), async ({ expect }) => {
    await using cluster = await startEtcdCluster({ tls: true });
    expect(cluster.urls.every((url) => url.startsWith('https://'))).toBe(true);
    await put((await cluster.leader()).url);
  });

  const both = etcd ?? namespace;
  test.skipIf(both !== undefined)(
    named('in three namespaces elect another leader when the first one is cut off', both),
    async ({ expect }) => {
      const rooms = await Promise.all([createNamespace(), createNamespace(), createNamespace()]);
      try {
        await using cluster = await startEtcdCluster({ namespace: rooms });
        const first = await cluster.leader();
        const room = rooms[cluster.servers.indexOf(first)];
        await room?.partition();
        const second = await poll('another leader', 60_000, async () => {
          const leader = await cluster.leader();
          return leader === first ? undefined : leader;
        });
        await put(second.url);
        await expect(read(first.url)).rejects.toThrow();
        await room?.heal();
        await poll('the write at the first', 60_000, async () => (await read(first.url)).count === '1');
      } finally {
        await Promise.all(rooms.map((room) => room.close()));
      }
    },
  );

  test('cannot be a fraction', async ({ expect }) => {
    await expect(startEtcdCluster({ size: 1.5 })).rejects.toThrow('give a whole number from 1 to 9');
  });
});

describe.concurrent('NATS servers', { timeout: 120_000 }, () => {
  test.skipIf(nats !== undefined)(
    named('know each other, and have no leader without JetStream', nats),
    async ({ expect }) => {
      await using cluster = await startNatsCluster();
      await expect(cluster.leader()).rejects.toThrow('with JetStream only');
      expect(cluster.urls).toHaveLength(3);
      await cluster.servers[0]?.kill();
      await cluster.servers[0]?.start();
    },
  );

  test.skipIf(nats !== undefined)(named('with JetStream replace a leader that is killed', nats), async ({ expect }) => {
    await using cluster = await startNatsCluster({ jetStream: true });
    const first = await cluster.leader();
    await first.kill();
    expect(await cluster.leader()).not.toBe(first);
  });
});

describe.concurrent('Redis servers', { timeout: 120_000 }, () => {
  test.skipIf(redis !== undefined)(named('share the slots in a cluster', redis), async ({ expect }) => {
    await using cluster = await startRedisCluster();
    expect(await cluster.masters()).toEqual(cluster.servers);
    const [first] = cluster.servers;
    const keys = ['a', 'b', 'c', 'd', 'e', 'f'];
    const answers = await Promise.allSettled(
      keys.map((key) => askRedis({ host: '127.0.0.1', port: first?.port ?? 0 }, ['SET', key, '1'])),
    );
    const moved = answers.filter((answer) => answer.status === 'rejected' && String(answer.reason).includes('MOVED'));
    // Some keys are the first server's, and it knows whose the others are.
    expect(moved.length).toBeGreaterThan(0);
    expect(moved.length).toBeLessThan(keys.length);
    await first?.restart();
    await cluster.settled();
  });

  test.skipIf(redis !== undefined)(named('of a cluster are replaced by their replicas', redis), async ({ expect }) => {
    await using cluster = await startRedisCluster({ replicas: 1, password: 'secret' });
    const before = await cluster.masters();
    expect(before).toHaveLength(3);
    await before[0]?.kill();
    await cluster.settled();
    const after = await cluster.masters();
    expect(after).toHaveLength(3);
    expect(after).not.toContain(before[0]);
    await before[0]?.start();
    await cluster.settled();
  });

  test.skipIf(redis !== undefined)(
    named('under sentinels have another master when it is killed', redis),
    async ({ expect }) => {
      await using system = await startRedisSentinel({ password: 'secret' });
      expect([system.name, system.sentinels.length, system.servers.length]).toEqual(['mymaster', 3, 2]);
      const first = await system.master();
      expect(first).toBe(system.servers[0]);
      await first.kill();
      const second = await system.master();
      expect(second).toBe(system.servers[1]);
      await askRedis({ host: second.host, port: second.port, password: 'secret' }, ['SET', 'colour', 'red']);
    },
  );

  test('cannot have two masters, nor two replicas each', async ({ expect }) => {
    await expect(startRedisCluster({ masters: 2 })).rejects.toThrow('give a whole number from 3 to 9');
    await expect(startRedisCluster({ replicas: 2 })).rejects.toThrow('give 0 or 1');
  });
});

test('a leader is waited for no longer than the poll says', async () => {
  await expect(poll('finding nothing', 50, () => undefined)).rejects.toThrow('finding nothing took longer than 50 ms');
});
