import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { networkInterfaces } from 'node:os';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  createIsland,
  createNamespace,
  missingNamespace,
  missingServer,
  type Namespace,
  startRedis,
} from '../src/index.ts';
import { poll } from '../src/poll.ts';
import { askRedis } from '../src/redis-wire.ts';
import { isAlive } from './is-alive.ts';
import { named } from './kinds.ts';

const absent = missingNamespace() ?? missingServer('redis');

describe.skipIf(absent !== undefined)(named('a namespace', absent), () => {
  let namespace: Namespace;
  beforeAll(async () => {
    namespace = await createNamespace();
  });
  afterAll(() => namespace.close());

  /** One that writes commands on a connection that stays. */
  async function keepTalking(host: string, port: number): Promise<{ socket: Socket; said: () => string }> {
    const socket = connect({ host, port });
    let text = '';
    socket.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
    });
    socket.on('error', () => {});
    await once(socket, 'connect');
    return { socket, said: () => text };
  }

  test('has an address of its own, at which its servers are reached', async () => {
    await using redis = await startRedis({ namespace });
    expect(redis.host).toBe(namespace.ip);
    expect(redis.host).toMatch(/^198\.1[89]\./);
    expect(await askRedis(redis, ['PING'])).toBe('PONG');
  });

  test('that is cut off loses what is sent without a word, and delivers it when it is healed', async () => {
    await using redis = await startRedis({ namespace });
    const { socket, said } = await keepTalking(redis.host, redis.port);
    try {
      socket.write('PING\r\n');
      await poll('a reply', 20_000, () => said() === '+PONG\r\n');
      await namespace.partition();
      socket.write('ECHO again\r\n');
      // Neither refused nor answered nor unreachable.
      await expect(askRedis(redis, ['PING'], 700)).rejects.toThrow('did not answer');
      expect(said()).toBe('+PONG\r\n');
      expect(socket.closed).toBe(false);
      await namespace.heal();
      await poll('the second reply', 20_000, () => said().includes('again'));
      expect(await askRedis(redis, ['PING'])).toBe('PONG');
    } finally {
      await namespace.heal();
      socket.destroy();
    }
  });

  test('has servers that are killed and started as elsewhere', async () => {
    await using redis = await startRedis({ namespace });
    const { pid } = redis;
    await redis.kill();
    expect(isAlive(pid ?? 0)).toBe(false);
    await expect(askRedis(redis, ['PING'])).rejects.toThrow('ECONNREFUSED');
    await redis.start();
    redis.freeze();
    await expect(askRedis(redis, ['PING'], 300)).rejects.toThrow('did not answer');
  });

  test('reaches another namespace, until either is cut off', async () => {
    await using other = await createNamespace();
    await using source = await startRedis({ namespace });
    await using copy = await startRedis({
      namespace: other,
      args: ['--replicaof', source.host, String(source.port)],
    });
    const linked = async () => String(await askRedis(copy, ['INFO', 'replication'])).includes('master_link_status:up');
    await poll('replication', 20_000, linked);
    await askRedis(source, ['SET', 'colour', 'red']);
    await poll('the copy', 20_000, async () => (await askRedis(copy, ['GET', 'colour'])) === 'red');
    await namespace.partition();
    try {
      await expect(askRedis(source, ['PING'], 300)).rejects.toThrow('did not answer');
      expect(await askRedis(copy, ['PING'])).toBe('PONG');
      const probe = spawn(other.prefix[0] ?? '', [
        ...other.prefix.slice(1),
        process.execPath,
        '-e',
        PROBE,
        source.host,
        String(source.port),
      ]);
      const [code] = (await once(probe, 'exit')) as [number];
      expect(code).toBe(3);
    } finally {
      await namespace.heal();
    }
  });

  test('that is closed takes its interface with it, and eight at once do not clash', async () => {
    const links = () => Object.keys(networkInterfaces()).filter((name) => name.startsWith('micro-'));
    const many = await Promise.all(Array.from({ length: 8 }, () => createNamespace()));
    expect(new Set(many.map(({ ip }) => ip)).size).toBe(8);
    const mine = many.map(({ ip }) => ip.replace(/\d+$/, (last) => String(Number(last) - 1)));
    const shown = () => Object.values(networkInterfaces()).flatMap((all = []) => all.map(({ address }) => address));
    expect(links().length).toBeGreaterThanOrEqual(8);
    expect(shown()).toEqual(expect.arrayContaining(mine));
    await Promise.all(many.map((one) => one.close()));
    expect(shown().filter((address) => mine.includes(address))).toEqual([]);
  });

  test('is gone with its server and its interface when the process that made it is killed', async () => {
    const script = `import { createNamespace, startRedis } from '@micro/test-servers';
      const namespace = await createNamespace();
      const { pid } = await startRedis({ namespace });
      console.log(namespace.ip + ' ' + pid);
      setInterval(() => {}, 1000);`;
    const owner = spawn(process.execPath, ['--input-type=module', '-e', script], {
      cwd: import.meta.dirname,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [line] = (await once(owner.stdout, 'data')) as [Buffer];
    const [ip = '', pid = ''] = String(line).trim().split(' ');
    const neighbour = ip.replace(/\d+$/, (last) => String(Number(last) - 1));
    const shown = () => Object.values(networkInterfaces()).flatMap((all = []) => all.map(({ address }) => address));
    expect(shown()).toContain(neighbour);
    owner.kill('SIGKILL');
    await poll('the end of the interface', 20_000, () => !shown().includes(neighbour));
    await poll('the end of the server', 20_000, () => !isAlive(Number(pid)));
  });
});

/** Exits with 3 when nobody answers, with 0 when somebody does, with 4 when it is refused. */
const PROBE = `const s = require('net').connect({ host: process.argv[1], port: Number(process.argv[2]) });
s.on('connect', () => process.exit(0)).on('error', () => process.exit(4));
setTimeout(() => process.exit(3), 700);`;

const island = await createIsland();
if ('close' in island) await island.close();
const noIsland = 'missing' in island ? island.missing : undefined;

describe.skipIf(noIsland !== undefined)(named('an island', noIsland), () => {
  test('cannot be reached from here, and its own processes reach each other', async () => {
    const world = await createIsland();
    if ('missing' in world) throw new Error(world.missing);
    const inside = async (script: string): Promise<number> => {
      const [program = '', ...args] = world.prefix;
      const child = spawn(program, [...args, process.execPath, '-e', script, world.ip]);
      const [code] = (await once(child, 'exit')) as [number];
      return code;
    };
    const talk = `const n = require('net');
      const s = n.createServer((c) => c.end('hello')).listen(0, process.argv[1], () =>
        n.connect(s.address().port, process.argv[1]).on('data', () => process.exit(0)));`;
    expect(await inside(talk)).toBe(0);
    const interfaces = `process.exit(Object.keys(require('os').networkInterfaces()).length)`;
    // The loopback, and the pair.
    expect(await inside(interfaces)).toBeLessThanOrEqual(3);
    await world.close();
  });
});
