import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { missingServer, startRedis } from '../src/index.ts';
import { poll } from '../src/poll.ts';
import { reservePorts } from '../src/ports.ts';
import { onFreePorts, PortTaken, type ServerPlan, startProcess } from '../src/server-process.ts';
import { isAlive } from './is-alive.ts';
import { named } from './kinds.ts';

/** A server in a few words of shell. */
function shellPlan(script: string, more: Partial<ServerPlan> = {}): ServerPlan {
  return {
    ...{ label: 'shell', host: '127.0.0.1', port: 1, url: 'shell://127.0.0.1:1' },
    command: (data) => ['/bin/sh', '-c', script, data],
    ready: async () => true,
    ...more,
  };
}

describe('a process', () => {
  test('that ends instead of serving is an error with its exit code and the last that it said', async () => {
    const plan = shellPlan('echo the disk is full >&2; exit 7', { ready: async () => false });
    await expect(startProcess(plan)).rejects.toThrow(/ended \(exit code 7\); the last it said:\nthe disk is full/);
  });

  test('whose program is not there is an error that says so', async () => {
    const plan = { ...shellPlan(''), command: () => ['/no/such/program'] };
    await expect(startProcess(plan)).rejects.toThrow('its program could not be run');
  });

  test('that forgets SIGTERM is killed after a grace', async () => {
    const plan = shellPlan("trap '' TERM; echo up; while true; do sleep 0.1; done", { ready: async () => true });
    await using server = await startProcess(plan);
    await poll('printing', 5_000, () => server.log().includes('up'));
    await server.stop();
    expect(server.running).toBe(false);
  });

  test('prints into a log of which the last 16 KiB are read, over restarts too', async () => {
    const plan = shellPlan('yes 0123456789 | head -n 3000; echo the last word; exec sleep 60');
    await using server = await startProcess(plan);
    await poll('printing', 5_000, () => server.log().endsWith('the last word\n'));
    expect(server.log()).toHaveLength(16_384);
    await server.kill();
    expect(server.log()).toContain('the last word');
    await server.start();
  });

  test('is prepared and set up on an empty folder only', async () => {
    const said: string[] = [];
    await using server = await startProcess(
      shellPlan('exec sleep 60', {
        prepare: () => void said.push('prepare'),
        setUp: async () => void said.push('set up'),
        closed: () => void said.push('closed'),
      }),
    );
    await server.restart();
    expect(said).toEqual(['prepare', 'set up']);
    await server.restart({ wipe: true });
    await server.close();
    await server.close();
    expect(said).toEqual(['prepare', 'set up', 'prepare', 'set up', 'closed']);
  });

  test('sees none of our environment but PATH', async () => {
    process.env.MICRO_TEST_SECRET = 'seen';
    try {
      await using server = await startProcess(shellPlan('env; exec sleep 60', { environment: { GIVEN: 'yes' } }));
      await poll('printing', 5_000, () => server.log().includes('GIVEN=yes'));
      expect(server.log()).toContain(`PATH=${process.env.PATH}`);
      expect(server.log()).not.toContain('MICRO_TEST_SECRET');
    } finally {
      delete process.env.MICRO_TEST_SECRET;
    }
  });
});

describe('ports', () => {
  test('are given to one at a time, and are none that outgoing connections are given', async () => {
    const first = await reservePorts(Array.from({ length: 50 }, (_, index) => `a${index}`));
    const second = await reservePorts(Array.from({ length: 50 }, (_, index) => `b${index}`));
    const all = [...Object.values(first.at), ...Object.values(second.at)];
    expect(new Set(all).size).toBe(100);
    expect(all.every((port) => port >= 10_000)).toBe(true);
    first.release();
    second.release();
  });

  test('that somebody else took in between are replaced by others', async () => {
    const blocker = createServer();
    const tried: number[] = [];
    const result = await onFreePorts(['port'], async ({ port }) => {
      tried.push(port);
      if (tried.length > 1) return 'started';
      blocker.listen(port, '127.0.0.1');
      await once(blocker, 'listening');
      const script = `process.on('uncaughtException',(e)=>{console.error(e.message+': address already in use');process.exit(1)});
        require('net').createServer().listen(${port},'127.0.0.1')`;
      const plan = { ...shellPlan('', { ready: async () => false }), command: () => [process.execPath, '-e', script] };
      await startProcess(plan);
      return 'not reached';
    });
    blocker.close();
    expect(result).toBe('started');
    expect(new Set(tried).size).toBe(2);
  });

  test('are not tried again when the server fails for another reason', async () => {
    let tries = 0;
    const failing = onFreePorts(['port'], async () => {
      tries++;
      throw new Error('no licence');
    });
    await expect(failing).rejects.toThrow('no licence');
    expect(tries).toBe(1);
    await expect(onFreePorts(['port'], () => Promise.reject(new PortTaken('taken')))).rejects.toThrow('taken');
  });
});

const noRedis = missingServer('redis');

describe.skipIf(noRedis !== undefined)('when the process of the tests ends', () => {
  let folder = '';
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'micro-guard-test-'));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  /** A process that starts a server of its own, and says which. */
  function startOwner(then: string) {
    const script = `import { startRedis } from '@micro/test-servers';
      const server = await startRedis();
      console.log(server.pid);
      ${then}`;
    return spawn(process.execPath, ['--input-type=module', '-e', script], {
      cwd: join(import.meta.dirname, '..'),
      env: { ...process.env, TMPDIR: folder },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
  }

  async function expectNothingLeft(pid: number): Promise<void> {
    await poll('the end of the server', 10_000, () => !isAlive(pid) && readdirSync(folder).length === 0);
  }

  test(named('by SIGKILL, its server and the data are gone, even when the server was frozen', noRedis), async () => {
    const owner = startOwner('server.freeze(); setInterval(() => {}, 1000);');
    const [line] = (await once(owner.stdout, 'data')) as [Buffer];
    expect(isAlive(Number(line))).toBe(true);
    owner.kill('SIGKILL');
    await expectNothingLeft(Number(line));
  });

  test(named('by itself, it is not held up by a server that it forgot to close', noRedis), async () => {
    const owner = startOwner('');
    const [line] = (await once(owner.stdout, 'data')) as [Buffer];
    const [code] = (await once(owner, 'exit')) as [number];
    expect(code).toBe(0);
    await expectNothingLeft(Number(line));
  });

  test(named('after closing its server, it ends with nothing left', noRedis), async () => {
    const owner = startOwner('await server.close();');
    const [code] = (await once(owner, 'exit')) as [number];
    expect(code).toBe(0);
    expect(readdirSync(folder)).toEqual([]);
  });
});

describe.skipIf(noRedis !== undefined)('many at once', () => {
  test(named('ten servers that start at the same time get ten ports', noRedis), async () => {
    const servers = await Promise.all(Array.from({ length: 10 }, () => startRedis()));
    expect(new Set(servers.map(({ port }) => port)).size).toBe(10);
    await Promise.all(servers.map((server) => server.close()));
  });
});
