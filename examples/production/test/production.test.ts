import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { missingServer, startEtcd, startNats, startRedis } from '@micro/test-servers';
import { afterEach, describe, expect, test, vi } from 'vitest';

const MAIN = fileURLToPath(new URL('../dist/main.js', import.meta.url));
const FOUND = 'catalogue, orders and packing found each other';
/** What happens while nobody kills a server. */
const PLAIN = [
  FOUND,
  'a cup costs 950 (store), then 950 (cache), then 990 (store)',
  '10 orders are placed and packed',
  'packing was restarted, and the 10 orders of that time are packed',
];
const missing = (['etcd', 'nats', 'redis'] as const).map(missingServer).find((why) => why !== undefined);

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

interface Run {
  readonly main: ChildProcess;
  /** Where everything that it starts keeps its files. */
  readonly folder: string;
  stdout(): string;
  stderr(): string;
}

/** Runs the example, with a folder of its own, which shows whether anything of it is left. */
function run(env: NodeJS.ProcessEnv = {}, ...args: string[]): Run {
  const folder = mkdtempSync(join(tmpdir(), 'micro-production-'));
  folders.push(folder);
  const { ETCD_URL: _, NATS_URL: __, REDIS_URL: ___, ...rest } = process.env;
  const inherited = Object.entries(rest).filter(([name]) => !name.startsWith('MICRO_'));
  const main = spawn(process.execPath, [MAIN, ...args], {
    env: { ...Object.fromEntries(inherited), ...env, TMPDIR: folder },
    detached: true,
    timeout: 110_000,
  });
  let stdout = '';
  let stderr = '';
  main.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  main.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  return { main, folder, stdout: () => stdout, stderr: () => stderr };
}

/** What is left of a run: its services, its servers and their files. All of them are told of the folder. */
function leftOf({ folder }: Run): readonly string[] {
  const processes = readdirSync('/proc').flatMap((pid) => {
    try {
      const [command = '', environment = ''] = ['cmdline', 'environ'].map((file) =>
        readFileSync(`/proc/${pid}/${file}`, 'utf8').replaceAll('\0', ' '),
      );
      return `${command} ${environment}`.includes(folder) ? [`${pid} ${command}`] : [];
    } catch {
      return [];
    }
  });
  return [...processes, ...readdirSync(folder)];
}

/** The guards of the servers take a moment to notice that they are not needed any more. */
async function nothingLeft(run: Run): Promise<void> {
  await vi.waitFor(() => expect(leftOf(run)).toEqual([]), { timeout: 20_000 });
}

async function until(run: Run, isSo: () => boolean): Promise<void> {
  const deadline = Date.now() + 60_000;
  while (!isSo()) {
    if (Date.now() > deadline) throw new Error(`not within 60 s; it said: ${run.stdout()}${run.stderr()}`);
    await sleep(20);
  }
}

describe.skipIf(missing !== undefined)(`the example ${missing === undefined ? '' : `(skipped: ${missing})`}`, () => {
  test('each server is killed and no order is lost, and nothing is left behind', { timeout: 120_000 }, async () => {
    const example = run();
    await once(example.main, 'close');
    const [servers, ...lines] = example.stdout().split('\n');
    expect(servers, example.stderr()).toMatch(/^etcd at \S+, NATS at \S+, Redis at \S+$/);
    expect(lines, example.stderr()).toEqual([
      ...PLAIN.slice(0, 3),
      'NATS was killed and came back, and the 10 orders of that time are placed and packed',
      'Redis was killed and came back, and the 10 orders of that time are placed and packed',
      'etcd was killed and came back, and the 10 orders of that time are placed and packed',
      ...PLAIN.slice(3),
      'everything has stopped',
      '',
    ]);
    expect(example.main.exitCode).toBe(0);
    await nothingLeft(example);
  });

  test('servers that are given are used and left as they are, and SIGTERM ends what stays', {
    timeout: 120_000,
  }, async () => {
    await using etcd = await startEtcd();
    await using nats = await startNats({ jetStream: true });
    await using redis = await startRedis();
    const pids = [etcd, nats, redis].map(({ pid }) => pid);
    const example = run({ ETCD_URL: etcd.url, NATS_URL: nats.url, REDIS_URL: redis.url }, '--stay');
    await until(example, () => example.stdout().includes('everything stays'));
    expect(example.main.exitCode).toBeNull();
    example.main.kill('SIGTERM');
    await once(example.main, 'close');
    const [servers, ...lines] = example.stdout().split('\n');
    expect(servers).toBe(`etcd at ${etcd.url}, NATS at ${nats.url}, Redis at ${redis.url}`);
    expect(lines, example.stderr()).toEqual([...PLAIN, 'everything stays, until Ctrl-C', 'everything has stopped', '']);
    expect(example.main.exitCode, example.stderr()).toBe(0);
    await nothingLeft(example);
    expect([etcd, nats, redis].map(({ pid }) => pid)).toEqual(pids);
  });

  // Ctrl-C reaches the whole group, the other signals the program alone.
  test.each([
    ['by Ctrl-C in the middle', 'SIGINT', 'group', FOUND],
    ['by SIGTERM while it starts', 'SIGTERM', 'program', ''],
  ] as const)('interrupted %s, it stops everything', { timeout: 120_000 }, async (_, signal, whom, line) => {
    const example = run();
    // The handlers are there when the first server is.
    await until(example, () => readdirSync(example.folder).length > 0 && example.stdout().includes(line));
    const { pid = 0 } = example.main;
    process.kill(whom === 'group' ? -pid : pid, signal);
    await once(example.main, 'close');
    expect(example.stdout(), example.stderr()).toMatch(/everything has stopped\n$/);
    expect(example.main.exitCode, example.stderr()).toBe(0);
    await nothingLeft(example);
  });

  test('killed, it takes its services and servers with it', { timeout: 120_000 }, async () => {
    const example = run();
    await until(example, () => example.stdout().includes(FOUND));
    example.main.kill('SIGKILL');
    await once(example.main, 'exit');
    await nothingLeft(example);
  });
});
