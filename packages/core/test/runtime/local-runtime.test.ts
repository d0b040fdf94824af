import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../../src/conformance/eventually.ts';
import type { CreateOptions, RunningWorkload, Runtime, WorkloadStatus } from '../../src/contract/runtime.ts';
import { CODE } from '../../src/error/code.ts';
import { type LocalRuntimeOptions, localRuntime } from '../../src/runtime/local-runtime.ts';

const WAIT = { timeoutMs: 30_000 };
const JOB = { name: 'job', version: '1', metadata: {} };
const FOR_EVER = 'setInterval(() => {}, 1000);';

const made: Runtime[] = [];
afterEach(async () => {
  await Promise.all(made.splice(0).map((runtime) => runtime.stop()));
});

async function running(options: LocalRuntimeOptions = {}): Promise<Runtime> {
  const runtime = localRuntime({ restartPauseMs: 10, ...options });
  made.push(runtime);
  await runtime.start();
  return runtime;
}

function program(code: string, options: CreateOptions = {}): CreateOptions {
  return { command: [process.execPath, '-e', code], ...options };
}

async function linesOf(runtime: Runtime, workload = JOB): Promise<string[]> {
  const lines: string[] = [];
  for await (const { message } of runtime.logs(workload)) lines.push(message);
  return lines;
}

/** The first line, once it is there. */
function firstLine(runtime: Runtime): Promise<string> {
  return eventually(async () => {
    const [line] = await linesOf(runtime);
    if (line === undefined) throw new Error('it has written nothing yet');
    return line;
  }, WAIT);
}

function becomes(runtime: Runtime, status: WorkloadStatus): Promise<RunningWorkload> {
  return eventually(async () => {
    const [found] = await runtime.read({ name: JOB.name });
    if (found?.status !== status) throw new Error(`it is ${found?.status} (${found?.error}), not ${status}`);
    return found;
  }, WAIT);
}

/** Whether a process runs; one that has ended and was not asked for its status yet does not. */
function runs(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch {
    return false;
  }
  if (process.platform !== 'linux') return true;
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    return stat.slice(stat.lastIndexOf(')') + 2, stat.lastIndexOf(')') + 3) !== 'Z';
  } catch {
    return false;
  }
}

/** A program that starts another one, which runs for ever, and writes its pid and that of the other. */
const FAMILY = `
  const { spawn } = require('node:child_process');
  const child = spawn(process.execPath, ['-e', ${JSON.stringify(FOR_EVER)}], { stdio: 'inherit' });
  console.log(JSON.stringify([process.pid, child.pid]));
`;

describe('localRuntime ends', { timeout: 60_000 }, () => {
  it('the whole tree of processes', async () => {
    const runtime = await running();
    await runtime.create(JOB, program(FAMILY + FOR_EVER));
    const pids: number[] = JSON.parse(await firstLine(runtime));
    expect(pids.map(runs)).toEqual([true, true]);
    await runtime.delete(JOB);
    expect(pids.map(runs)).toEqual([false, false]);
  });

  it('what a program leaves behind, though it ended well itself', async () => {
    const runtime = await running();
    await runtime.create(JOB, program(`${FAMILY} child.unref(); setTimeout(() => process.exit(0), 10);`));
    await becomes(runtime, 'stopped');
    const pids: number[] = JSON.parse(await firstLine(runtime));
    expect(pids.map(runs)).toEqual([false, false]);
  });

  it('with SIGTERM first, so that a program can say goodbye', async () => {
    const runtime = await running();
    const code = "process.on('SIGTERM', () => { console.log('bye'); process.exit(); }); console.log('hello');";
    await runtime.create(JOB, program(code + FOR_EVER));
    await firstLine(runtime);
    await runtime.stop();
    expect(await linesOf(runtime)).toEqual(['hello', 'bye']);
    expect((await runtime.read())[0]).toMatchObject({ status: 'stopped' });
  });

  it('with SIGKILL what does not heed SIGTERM, a child of it as well', async () => {
    const runtime = await running({ graceMs: 100 });
    const stubborn = `process.on('SIGTERM', () => {}); ${FOR_EVER}`;
    const code = FAMILY.replace(JSON.stringify(FOR_EVER), JSON.stringify(stubborn)) + stubborn;
    await runtime.create(JOB, program(code));
    const pids: number[] = JSON.parse(await firstLine(runtime));
    await runtime.delete(JOB);
    expect(pids.map(runs)).toEqual([false, false]);
  });

  it('at once without a grace', async () => {
    const runtime = await running({ graceMs: 0 });
    await runtime.create(
      JOB,
      program(`process.on('SIGTERM', () => console.log('asked')); console.log('up'); ${FOR_EVER}`),
    );
    await firstLine(runtime);
    await runtime.stop();
    expect(await linesOf(runtime)).toEqual(['up']);
  });

  it('what is paused', async () => {
    const runtime = await running({ graceMs: 100 });
    await runtime.create(JOB, program(`console.log(process.pid); ${FOR_EVER}`));
    const pid = Number(await firstLine(runtime));
    process.kill(pid, 'SIGSTOP');
    await runtime.delete(JOB);
    expect(runs(pid)).toBe(false);
  });

  it('what waits to be started again', async () => {
    const runtime = await running({ restartPauseMs: 1_000_000_000 });
    await runtime.create(JOB, program('process.exit(1)'));
    await becomes(runtime, 'error');
    await runtime.stop();
    expect((await runtime.read())[0]).toMatchObject({ status: 'stopped' });
  });

  it('what the caller does not wait for any longer', async () => {
    const runtime = await running({ graceMs: 500 });
    await runtime.create(JOB, program(`process.on('SIGTERM', () => {}); console.log(process.pid); ${FOR_EVER}`));
    const pid = Number(await firstLine(runtime));
    await expect(runtime.delete(JOB, { signal: AbortSignal.timeout(50) })).rejects.toMatchObject({
      code: CODE.timeout,
      detail: 'deleting default/job@1 took longer than its signal allows',
    });
    await eventually(() => expect(runs(pid)).toBe(false), WAIT);
    await eventually(async () => expect(await runtime.read()).toEqual([]), WAIT);
  });
});

describe('localRuntime', { timeout: 60_000 }, () => {
  it('runs what was created before it was started when it is started', async () => {
    const runtime = localRuntime();
    made.push(runtime);
    await runtime.create(JOB, program(`console.log('up'); ${FOR_EVER}`));
    expect((await runtime.read())[0]).toMatchObject({ status: 'pending' });
    await runtime.update(JOB, program(`console.log('updated'); ${FOR_EVER}`));
    expect((await runtime.read())[0]).toMatchObject({ status: 'pending' });
    await runtime.start();
    expect(await firstLine(runtime)).toBe('updated');
  });

  it('does not run again what had finished when it was stopped', async () => {
    const runtime = await running();
    await runtime.create(JOB, program("console.log('once')"));
    await becomes(runtime, 'stopped');
    await runtime.stop();
    await runtime.start();
    expect(await linesOf(runtime)).toEqual(['once']);
    expect((await runtime.read())[0]).toMatchObject({ status: 'stopped' });
  });

  it('runs `node .` in the source when there is no command, as go-micro runs `go run .`', async () => {
    const folder = realpathSync(mkdtempSync(join(tmpdir(), 'runtime-')));
    try {
      writeFileSync(join(folder, 'package.json'), '{"main":"main.js"}');
      writeFileSync(join(folder, 'main.js'), 'console.log(process.cwd())');
      const runtime = await running();
      await runtime.create({ ...JOB, source: folder });
      expect(await firstLine(runtime)).toBe(folder);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('gives a process the environment of its own, or the one that it was given, and nothing to read', async () => {
    const code = "console.log(Object.keys(process.env).sort().join(), require('node:fs').readFileSync(0).length)";
    const runtime = await running({ env: { PATH: process.env.PATH, A: '1', B: undefined } });
    await runtime.create(JOB, program(code, { env: { C: '2' } }));
    expect(await firstLine(runtime)).toBe('A,C,PATH 0');
    const usual = await running();
    await usual.create(JOB, program('console.log(process.env.HOME, process.env.C)', { env: { C: '2' } }));
    expect(await firstLine(usual)).toBe(`${process.env.HOME} 2`);
  });

  it.each<[string, CreateOptions, string]>([
    ['a program that is not there', { command: ['no-such-program'] }, 'cannot run "no-such-program"'],
    ['a program that is a folder', { command: ['/'] }, 'cannot run "/"'],
    ['an empty command', { command: [] }, 'is empty'],
    ['a program without a name', { command: [''] }, 'is empty'],
    ['a command with NUL', { command: ['a\0b'] }, 'NUL'],
    ['an argument with NUL', { command: ['node'], args: ['a\0b'] }, 'NUL'],
    ['an argument that is no text', { args: [1 as unknown as string] }, 'no text'],
    ['arguments that are too long', { command: ['true'], args: ['x'.repeat(4_000_000)] }, 'cannot run "true"'],
    ['a name with = in the environment', { env: { 'A=B': 'c' } }, 'no name of an environment variable'],
    ['a value with NUL in the environment', { env: { A: 'b\0' } }, 'NUL'],
    ['retries below 0', { retries: -1 }, 'retries "-1"'],
    ['retries that are no number', { retries: Number.NaN }, 'retries "NaN"'],
  ])('refuses %s, and remembers nothing of it', async (_, options, text) => {
    const runtime = await running();
    await expect(runtime.create(JOB, options)).rejects.toMatchObject({
      code: CODE.badRequest,
      id: 'go.micro.runtime',
      detail: expect.stringContaining(text),
    });
    expect(await runtime.read()).toEqual([]);
    await runtime.create(JOB, program(FOR_EVER));
  });

  it.each([['/no/such/folder'], [fileURLToPath(import.meta.url)], ['a\0b']])(
    'refuses the source %j',
    async (source) => {
      const runtime = await running();
      await expect(runtime.create({ ...JOB, source }, program(FOR_EVER))).rejects.toMatchObject({
        code: CODE.badRequest,
        detail: expect.stringContaining('source'),
      });
      expect(await runtime.read()).toEqual([]);
    },
  );

  it('refuses more workloads than its limit, also when they come at once', async () => {
    const runtime = await running({ maxWorkloads: 2 });
    const names = ['a', 'b', 'c', 'd'];
    const results = await Promise.allSettled(names.map((name) => runtime.create({ ...JOB, name }, program(FOR_EVER))));
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(2);
    expect(results.find(({ status }) => status === 'rejected')).toMatchObject({
      reason: { code: CODE.tooManyRequests },
    });
  });

  it('says what happens to what failed, and how it ended', async () => {
    const runtime = await running({ restartPauseMs: 1_000_000_000 });
    await runtime.create(JOB, program('process.kill(process.pid, "SIGKILL")', { retries: 2 }));
    const { error } = await becomes(runtime, 'error');
    expect(error).toMatch(/^it was ended by SIGKILL and is started again in \d+ ms \(1 of 2\)$/);
  });

  it('gives up after so many restarts', async () => {
    const runtime = await running({ retries: 1 });
    await runtime.create(JOB, program('process.exit(7)'));
    const gaveUp = 'it exited with code 7 and was given up after 1 restarts';
    await eventually(async () => expect((await runtime.read())[0]?.error).toBe(gaveUp), WAIT);
  });

  it('forgets the failures of a process that has run long enough', async () => {
    const runtime = await running({ retries: 1, stableMs: 1 });
    await runtime.create(JOB, program("console.log('again'); process.exit(1)"));
    await eventually(async () => expect((await linesOf(runtime)).length).toBeGreaterThan(3), WAIT);
  });

  it('is in error after an update that cannot run, and runs after one that can', async () => {
    const runtime = await running();
    await runtime.create(JOB, program(FOR_EVER));
    await expect(runtime.update(JOB, { command: ['no-such-program'] })).rejects.toMatchObject({
      code: CODE.badRequest,
    });
    expect((await runtime.read())[0]).toMatchObject({
      status: 'error',
      error: expect.stringContaining('no-such-program'),
    });
    await runtime.update(JOB, program(FOR_EVER));
    expect((await runtime.read())[0]).toMatchObject({ status: 'running' });
  });

  it('leaves alone what runs when an update makes no sense', async () => {
    const runtime = await running();
    await runtime.create(JOB, program(`console.log(process.pid); ${FOR_EVER}`));
    const pid = Number(await firstLine(runtime));
    await expect(runtime.update(JOB, { retries: -1 })).rejects.toMatchObject({ code: CODE.badRequest });
    await expect(runtime.update({ ...JOB, source: '/no/such/folder' })).rejects.toMatchObject({
      code: CODE.badRequest,
    });
    expect(runs(pid)).toBe(true);
    expect((await runtime.read())[0]).toMatchObject({ status: 'running' });
  });

  it('keeps the last of what is written, however much it is', async () => {
    const runtime = await running({ logLimit: 10_000 });
    await runtime.create(JOB, program("for (let i = 0; i < 20000; i++) console.log('line', i)"));
    await becomes(runtime, 'stopped');
    const lines = await linesOf(runtime);
    expect(lines.at(-1)).toBe('line 19999');
    expect(lines.length).toBeGreaterThan(50);
    expect(lines.length).toBeLessThan(200);
  });

  it.each([-1, Number.NaN])('refuses to read %d lines', async (count) => {
    const runtime = await running();
    await runtime.create(JOB, program(FOR_EVER));
    await expect(runtime.logs(JOB, { count })[Symbol.asyncIterator]().next()).rejects.toMatchObject({
      code: CODE.badRequest,
    });
  });

  it('does one thing at a time to a workload, whatever is asked for at once', async () => {
    const runtime = await running();
    await Promise.allSettled([
      runtime.create(JOB, program(FOR_EVER)),
      runtime.update(JOB, program(FOR_EVER)),
      runtime.delete(JOB),
      runtime.create(JOB, program(`console.log('the last'); ${FOR_EVER}`)),
      runtime.update(JOB, { env: { A: 'b' } }),
    ]);
    expect(await runtime.read()).toMatchObject([{ status: 'running' }]);
    expect(await firstLine(runtime)).toBe('the last');
    await Promise.all([runtime.stop(), runtime.create({ ...JOB, name: 'late' }, program(FOR_EVER)), runtime.stop()]);
    expect((await runtime.read()).map(({ status }) => status).filter((status) => status === 'running')).toEqual([]);
  });

  it.each([{ retries: -1 }, { graceMs: Number.NaN }, { logLimit: Number.POSITIVE_INFINITY }])(
    'refuses %j',
    (options) => {
      expect(() => localRuntime(options)).toThrow('give 0 or more');
    },
  );

  it('hands out what cannot be changed', async () => {
    const runtime = await running();
    const metadata = { a: 'b' };
    await runtime.create({ ...JOB, metadata }, program(FOR_EVER));
    metadata.a = 'c';
    const [found] = await runtime.read();
    expect(found?.metadata).toEqual({ a: 'b' });
    expect(() => Object.assign(found ?? {}, { status: 'error' })).toThrow(TypeError);
    expect(() => Object.assign(found?.metadata ?? {}, { a: 'd' })).toThrow(TypeError);
  });
});

describe('a process that uses localRuntime', { timeout: 60_000 }, () => {
  const root = fileURLToPath(new URL('../..', import.meta.url));
  let folder = '';

  // Node runs no TypeScript by itself in every version that is supported, so what is tested is compiled, without checks.
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'runtime-'));
    const tsc = join(root, '../../node_modules/typescript/bin/tsc');
    execFileSync(process.execPath, [tsc, '-p', join(root, 'tsconfig.build.json'), '--noCheck', '--outDir', folder]);
    writeFileSync(join(folder, 'package.json'), '{"type":"module"}');
  }, 60_000);
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  /** Runs a program in which `runtime` runs a workload with a child, and reads the three pids from it. */
  async function owner(then: string) {
    const code = `
      import { localRuntime } from ${JSON.stringify(join(folder, 'runtime/local-runtime.js'))};
      const runtime = localRuntime({ graceMs: 1000 });
      await runtime.start();
      const job = { name: 'job', version: '1', metadata: {} };
      await runtime.create(job, { command: [process.execPath, '-e', ${JSON.stringify(FAMILY + FOR_EVER)}] });
      for await (const { message } of runtime.logs(job, { follow: true })) { console.log(message); break; }
      ${then}
    `;
    const child = spawn(process.execPath, ['--input-type=module', '-e', code], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const ended = once(child, 'exit');
    const [chunk] = await once(child.stdout, 'data');
    const pids: number[] = JSON.parse(String(chunk));
    return { child, ended, pids };
  }

  it('ends by itself once it has stopped it', async () => {
    const { ended, pids } = await owner('await runtime.stop();');
    expect(await ended).toEqual([0, null]);
    expect(pids.map(runs)).toEqual([false, false]);
  });

  it.each<[string, string, NodeJS.Signals | undefined]>([
    ['exits without stopping it', 'process.exit(5);', undefined],
    ['is killed', '', 'SIGKILL'],
    ['is asked to end and does not listen', '', 'SIGTERM'],
  ])('that %s leaves no process behind', async (_, then, signal) => {
    const { child, ended, pids } = await owner(then);
    if (signal !== undefined) {
      expect(pids.map(runs)).toEqual([true, true]);
      child.kill(signal);
    }
    await ended;
    await eventually(() => expect(pids.map(runs)).toEqual([false, false]), WAIT);
  });
});
