import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { missingServer, type ServerKind } from '@micro/test-servers';
import { afterAll, beforeAll, expect, test } from 'vitest';

const MAIN = fileURLToPath(new URL('../dist/main.js', import.meta.url));
const CLI = fileURLToPath(new URL('../dist/cli.js', import.meta.url));
const onLinux = test.skipIf(process.platform !== 'linux');

let folder = '';
beforeAll(() => {
  if (!existsSync(MAIN)) throw new Error('the bench is not built: run npm run build first');
  folder = mkdtempSync(join(tmpdir(), 'bench-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Runs the bench as `npm run bench` does. */
function bench(
  env: Readonly<Record<string, string>>,
  ...args: string[]
): Promise<{ code: number | null; output: string }> {
  const child = spawn(process.execPath, [MAIN, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...env },
  });
  let output = '';
  child.stdout.on('data', (text) => {
    output += text;
  });
  child.stderr.on('data', (text) => {
    output += text;
  });
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => resolve({ code, output }));
  });
}

onLinux('raw-net measured against itself has a ratio of one and every figure', async () => {
  const json = join(folder, 'seconds.json');
  const { code, output } = await bench(
    {},
    '--peers=raw-net',
    '--seconds=2',
    '--warm-up=0.1',
    '--rounds=1',
    `--json=${json}`,
  );
  expect(output).toContain('unary-small, 64 in flight');
  expect(code).toBe(0);
  const rows: unknown = JSON.parse(readFileSync(json, 'utf8'));
  const positive = expect.toSatisfy((value: unknown) => typeof value === 'number' && value > 0);
  const share = expect.toSatisfy((value: unknown) => typeof value === 'number' && value >= 0 && value <= 1);
  expect(rows).toEqual([
    {
      peer: 'raw-net',
      work: 'unary-small',
      inFlight: 64,
      rate: positive,
      p50Us: positive,
      p99Us: positive,
      maxUs: positive,
      cpuSecondsPer10k: positive,
      rssMb: positive,
      ratioToRawNet: 1,
      p50ToRawNet: 1,
      cpuToRawNet: 1,
      rssToRawNet: 1,
      bare: null,
      ratioToBare: null,
      cpuToBare: null,
      wireBytesPerCall: null,
      serverRssMb: positive,
      clientRssMb: positive,
      noise: share,
      calls: positive,
      rounds: 1,
    },
  ]);
});

onLinux('with --calls exactly so many calls and messages are made, by every peer of our own', async () => {
  const json = join(folder, 'calls.json');
  const peers = ['raw-net', 'raw-net-early', 'raw-net-pool'];
  const works = ['unary-small', 'unary-large', 'stream'];
  const { code, output } = await bench(
    {},
    `--peers=${peers}`,
    `--work=${works}`,
    '--in-flight=3',
    '--calls=2500',
    '--rounds=1',
    `--json=${json}`,
  );
  expect(output).not.toContain('failed');
  expect(code).toBe(0);
  const rows: { peer: string; work: string; calls: number }[] = JSON.parse(readFileSync(json, 'utf8'));
  expect(rows.map(({ work, peer, calls }) => [work, peer, calls])).toEqual(
    works.flatMap((work) => peers.map((peer) => [work, peer, 2_500])),
  );
});

onLinux('what is measured while it works writes its profiles, and leaves none behind', async () => {
  const temporary = mkdtempSync(join(folder, 'tmp-'));
  const { code, output } = await bench({ TMPDIR: temporary }, '--peers=micro-pprof', '--calls=2500', '--rounds=1');
  expect(output).not.toContain('failed');
  expect(code).toBe(0);
  expect(readdirSync(temporary)).toEqual([]);
});

onLinux('events of our own are all received, exactly so many, in two processes and in one', async () => {
  const json = join(folder, 'events.json');
  const peers = ['raw-net', 'micro-http', 'micro-memory'];
  const { code, output } = await bench(
    {},
    `--peers=${peers}`,
    '--work=events',
    '--in-flight=1,7',
    '--calls=500',
    '--warm-up=0.05',
    '--rounds=1',
    `--json=${json}`,
  );
  expect(output).not.toContain('failed');
  expect(code).toBe(0);
  const rows: { peer: string; work: string; inFlight: number; calls: number; p50Us: number; serverRssMb: number }[] =
    JSON.parse(readFileSync(json, 'utf8'));
  expect(rows.map(({ work, inFlight, peer, calls }) => [work, inFlight, peer, calls])).toEqual(
    [1, 7].flatMap((inFlight) => peers.map((peer) => ['events', inFlight, peer, 500])),
  );
  for (const { peer, p50Us, serverRssMb } of rows) {
    expect(p50Us).toBeGreaterThan(0);
    expect(p50Us).toBeLessThan(10e6);
    expect(serverRssMb > 0).toBe(peer !== 'micro-memory');
  }
});

/** Runs works of peers that need a server, where it can run. */
function withServer(kind: ServerKind, title: string, run: () => Promise<void>): void {
  const missing = process.platform === 'linux' ? missingServer(kind) : 'it is not Linux';
  test.skipIf(missing !== undefined)(`${title}${missing === undefined ? '' : ` (skipped: ${missing})`}`, run);
}

withServer('nats', 'events over NATS and JetStream are all received, beside those of the bare library', async () => {
  const json = join(folder, 'nats.json');
  const peers = ['micro-nats', 'micro-nats-broker', 'raw-nats', 'micro-jetstream', 'raw-jetstream'];
  const { code, output } = await bench(
    {},
    `--peers=${peers}`,
    '--work=events',
    '--in-flight=7',
    '--calls=300',
    '--warm-up=0.05',
    '--rounds=1',
    `--json=${json}`,
  );
  expect(output).not.toContain('failed');
  expect(code).toBe(0);
  const rows: { peer: string; calls: number; bare: string | null; ratioToBare: number | null }[] = JSON.parse(
    readFileSync(json, 'utf8'),
  );
  expect(rows.map(({ peer, calls, bare }) => [peer, calls, bare])).toEqual([
    ['micro-nats', 300, 'raw-nats'],
    ['micro-nats-broker', 300, 'raw-nats'],
    ['raw-nats', 300, null],
    ['micro-jetstream', 300, 'raw-jetstream'],
    ['raw-jetstream', 300, null],
  ]);
  expect(rows.map(({ ratioToBare }) => ratioToBare !== null && ratioToBare > 0)).toEqual([
    true,
    true,
    false,
    true,
    false,
  ]);
});

withServer('redis', 'a store is written, read and listed, with the CPU time and memory of its server', async () => {
  const json = join(folder, 'redis.json');
  const peers = ['micro-redis', 'raw-redis', 'raw-redis-many'];
  const works = ['store-write', 'store-read', 'store-list'];
  const { code, output } = await bench(
    {},
    `--peers=${peers}`,
    `--work=${works}`,
    '--in-flight=3',
    '--calls=6',
    '--rounds=1',
    `--json=${json}`,
  );
  expect(output).not.toContain('failed');
  expect(output).toContain('÷ bare');
  expect(code).toBe(0);
  const rows: { peer: string; work: string; calls: number; serverRssMb: number }[] = JSON.parse(
    readFileSync(json, 'utf8'),
  );
  expect(rows.map(({ work, peer, calls }) => [work, peer, calls])).toEqual(
    works.flatMap((work) => peers.map((peer) => [work, peer, 6])),
  );
  expect(rows.every(({ serverRssMb }) => serverRssMb > 0)).toBe(true);
});

withServer('etcd', 'every change of a node is told to 20 watchers, and etcd says with how many bytes', async () => {
  const json = join(folder, 'etcd.json');
  const { code, output } = await bench(
    {},
    '--work=registry',
    '--in-flight=2',
    '--calls=40',
    '--rounds=1',
    `--json=${json}`,
  );
  expect(output).not.toContain('failed');
  expect(code).toBe(0);
  const rows: { peer: string; calls: number; wireBytesPerCall: number | null }[] = JSON.parse(
    readFileSync(json, 'utf8'),
  );
  expect(rows.map(({ peer, calls }) => [peer, calls])).toEqual(
    ['micro-memory', 'micro-etcd', 'raw-etcd'].map((peer) => [peer, 40]),
  );
  const [memory, ...overEtcd] = rows.map(({ wireBytesPerCall }) => wireBytesPerCall);
  expect(memory).toBeNull();
  // A record of some 2 KB goes to each watcher.
  for (const bytes of overEtcd) expect(bytes).toBeGreaterThan(20 * 1_000);
});

test('a peer, a work or a number that makes no sense is refused by name', async () => {
  for (const [argument, text] of [
    ['--peers=nobody', 'no peer is called nobody'],
    ['--work=all', 'no work is called all'],
    ['--peers=micro-http', 'micro-http does no unary-small'],
    ['--peers=micro --work=unary-small,events', 'none of micro does events; raw-net'],
    ['--in-flight=0', '--in-flight is 0'],
    ['--seconds=soon', '--seconds is soon'],
  ] as const) {
    const { code, output } = await bench({}, ...argument.split(' '));
    expect(output).toContain(text);
    expect(code).toBe(1);
  }
});

/** In clock ticks of /proc: more than a process uses before it is under load. */
const UNDER_LOAD = 100;

onLinux.each([
  ['while they start', 0],
  ['under load', UNDER_LOAD],
])('the children end when the bench is killed %s', async (_, ticks) => {
  const child = spawn(process.execPath, [MAIN, '--peers=raw-net', '--seconds=600', '--rounds=1'], { stdio: 'ignore' });
  const children = await until(() => {
    const found = childrenOf(child.pid ?? 0);
    return found.length === 2 && found.every((pid) => (statOf(pid)?.ticks ?? 0) >= ticks) ? found : undefined;
  }).finally(() => child.kill('SIGKILL'));
  await until(() => (children.some(isAlive) ? undefined : true));
});

test('the start of `micro call` is measured beside that of Node, by its answer', async () => {
  const child = spawn(process.execPath, [CLI, '--runs=1'], { stdio: ['ignore', 'pipe', 'inherit'] });
  let output = '';
  child.stdout.on('data', (text) => {
    output += text;
  });
  const [code] = await once(child, 'close');
  expect(code).toBe(0);
  for (const name of ['`node -e 0`', '`micro call --address`', '`micro call` over mDNS']) {
    expect(output).toMatch(new RegExp(`^\\| ${name} \\| \\d+ \\| \\d+ \\| \\d+ \\|$`, 'm'));
  }
});

async function until<T>(check: () => T | undefined): Promise<T> {
  const deadline = Date.now() + 120_000;
  for (;;) {
    const found = check();
    if (found !== undefined) return found;
    if (Date.now() > deadline) throw new Error('it did not come true within 120 s');
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

function childrenOf(pid: number): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && statOf(Number(name))?.parent === pid)
    .map(Number);
}

function isAlive(pid: number): boolean {
  const stat = statOf(pid);
  return stat !== undefined && stat.state !== 'Z';
}

function statOf(pid: number): { state: string | undefined; parent: number; ticks: number } | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return { state: fields[0], parent: Number(fields[1]), ticks: Number(fields[11]) + Number(fields[12]) };
  } catch {
    return undefined;
  }
}
