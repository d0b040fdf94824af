import assert from 'node:assert/strict';
import type { CreateOptions, LogLine, RunningWorkload, Runtime, RuntimeEvent, Workload } from '../contract/runtime.ts';
import { CODE } from '../error/code.ts';
import { MicroError } from '../error/micro-error.ts';
import { eventually, within } from './eventually.ts';

/** One private universe of runtimes. */
export interface RuntimeWorld {
  /** One that was not started yet. */
  create(): Runtime | Promise<Runtime>;
  /** What makes a workload run a Node program, given as its text, with these arguments in `process.argv` after the first. */
  program(code: string, args?: readonly string[]): CreateOptions;
  /** Stops every runtime that was made. */
  close(): void | Promise<void>;
}

type Case = (world: RuntimeWorld) => Promise<void>;

/** How long starting, stopping or failing may take on a machine that is busy. */
const DEADLINE_MS = 30_000;

/** Runs until it is ended. */
const FOR_EVER = "console.log('up'); setInterval(() => {}, 1000);";

/** What every runtime has to do. */
export const runtimeCases: Readonly<Record<string, Case>> = {
  'where nothing was created there is nothing': async (world) => {
    const runtime = await started(world);
    assert.deepEqual(await runtime.read(), []);
  },

  'a workload that was created is read as it was created, and runs': async (world) => {
    const runtime = await started(world);
    await runtime.create({ ...GREETER, metadata: { team: 'greetings' } }, world.program(FOR_EVER));
    const found = await becomes(runtime, 'running');
    assert.equal(found.name, 'greeter');
    assert.equal(found.version, '1.0.0');
    assert.deepEqual({ ...found.metadata }, { team: 'greetings' });
    assert.equal(found.error, undefined);
  },

  'a workload is there once': async (world) => {
    const runtime = await started(world);
    await runtime.create(GREETER, world.program(FOR_EVER));
    await refused(runtime.create(GREETER, world.program(FOR_EVER)), CODE.conflict);
    assert.equal((await runtime.read()).length, 1);
  },

  'of workloads that are created at once under one name, one is there': async (world) => {
    const runtime = await started(world);
    const tries = Array.from({ length: 5 }, () => runtime.create(GREETER, world.program(FOR_EVER)));
    const results = await Promise.allSettled(tries);
    assert.equal(results.filter(({ status }) => status === 'fulfilled').length, 1);
    assert.equal((await runtime.read()).length, 1);
  },

  'two versions run side by side, each on its own': async (world) => {
    const runtime = await started(world);
    const next = { ...GREETER, version: '2.0.0' };
    await runtime.create(GREETER, world.program(FOR_EVER));
    await runtime.create(next, world.program("console.log('two'); setInterval(() => {}, 1000);"));
    assert.equal((await runtime.read({ name: 'greeter' })).length, 2);
    await hasLogged(runtime, 'two', next);
    await runtime.delete(GREETER);
    assert.deepEqual(
      (await runtime.read({ name: 'greeter' })).map(({ version }) => version),
      ['2.0.0'],
    );
    assert.deepEqual(texts(await logs(runtime, next)), ['two']);
  },

  'what is read is what was asked for': async (world) => {
    const runtime = await started(world);
    const others = [GREETER, { ...GREETER, version: '2.0.0' }, { ...GREETER, name: 'other' }];
    for (const workload of others) await runtime.create(workload, world.program(FOR_EVER));
    const count = async (options: Parameters<Runtime['read']>[0]): Promise<number> =>
      (await runtime.read(options)).length;
    assert.equal(await count({}), 3);
    assert.equal(await count({ name: 'greeter' }), 2);
    assert.equal(await count({ version: '1.0.0' }), 2);
    assert.equal(await count({ name: 'greeter', version: '2.0.0' }), 1);
    assert.equal(await count({ name: 'nobody' }), 0);
  },

  'one name in two namespaces is two workloads': async (world) => {
    const runtime = await started(world);
    await runtime.create(GREETER, { ...world.program(FOR_EVER), namespace: 'red' });
    await runtime.create(GREETER, { ...world.program(FOR_EVER), namespace: 'blue' });
    assert.equal((await runtime.read({ namespace: 'red' })).length, 1);
    await runtime.delete(GREETER, { namespace: 'red' });
    assert.equal((await runtime.read({ namespace: 'red' })).length, 0);
    assert.equal((await runtime.read({ namespace: 'blue' })).length, 1);
    await refused(runtime.update(GREETER, { namespace: 'red' }), CODE.notFound);
  },

  'what it writes is kept, line by line, and where it wrote it': async (world) => {
    const runtime = await started(world);
    const before = Date.now();
    const code = "console.log('one\\n\\nthree é 世'); console.error('oh'); process.stdout.write('no end');";
    await runtime.create(GREETER, world.program(code));
    await becomes(runtime, 'stopped');
    const lines = await logs(runtime);
    assert.deepEqual(texts(lines, 'stdout'), ['one', '', 'three é 世', 'no end']);
    assert.deepEqual(texts(lines, 'stderr'), ['oh']);
    for (const { timestamp } of lines) {
      assert.ok(timestamp >= before - 1_000 && timestamp <= Date.now() + 1_000, `${timestamp} is now`);
    }
  },

  'the last lines are those that were written last': async (world) => {
    const runtime = await started(world);
    await runtime.create(GREETER, world.program("for (let i = 0; i < 100; i++) console.log('line', i);"));
    await becomes(runtime, 'stopped');
    assert.deepEqual(texts(await logs(runtime, GREETER, 3)), ['line 97', 'line 98', 'line 99']);
    assert.deepEqual(texts(await logs(runtime, GREETER, 0)), []);
    assert.equal((await logs(runtime, GREETER, 1_000)).length, 100);
  },

  'following begins with what there is, goes on with what comes, and ends when it is told to': async (world) => {
    const runtime = await started(world);
    const code = 'let i = 0; console.log(i++); setInterval(() => console.log(i++), 50);';
    await runtime.create(GREETER, world.program(code));
    await hasLogged(runtime, '0');
    const controller = new AbortController();
    const seen: string[] = [];
    const reading = (async () => {
      for await (const { message } of runtime.logs(GREETER, { follow: true, signal: controller.signal })) {
        seen.push(message);
        if (seen.length === 5) controller.abort();
      }
    })();
    await within('following', reading, DEADLINE_MS);
    assert.deepEqual(seen, ['0', '1', '2', '3', '4']);
  },

  'following ends when the workload is deleted': async (world) => {
    const runtime = await started(world);
    await runtime.create(GREETER, world.program(FOR_EVER));
    await hasLogged(runtime, 'up');
    const seen: string[] = [];
    const reading = (async () => {
      for await (const { message } of runtime.logs(GREETER, { follow: true })) seen.push(message);
    })();
    await eventually(() => assert.deepEqual(seen, ['up']), { timeoutMs: DEADLINE_MS });
    await runtime.delete(GREETER);
    await within('following', reading, DEADLINE_MS);
    assert.deepEqual(seen, ['up']);
  },

  'what is not there has no logs': async (world) => {
    const runtime = await started(world);
    await refused(logs(runtime), CODE.notFound);
  },

  'arguments and environment arrive as they are, and no shell reads them': async (world) => {
    const runtime = await started(world);
    const args = ['two words', '$HOME', '; echo no', '`id`', '"quoted"', "it's", '*', 'é 世'];
    const code = 'console.log(JSON.stringify([process.argv.slice(1), process.env.GREETING]));';
    const GREETING = 'hello = $HOME; "é"';
    await runtime.create(GREETER, { ...world.program(code, args), env: { GREETING } });
    await becomes(runtime, 'stopped');
    assert.deepEqual(JSON.parse(texts(await logs(runtime))[0] ?? ''), [args, GREETING]);
  },

  'what ends well is stopped, and is not started again': async (world) => {
    const runtime = await started(world);
    await runtime.create(GREETER, { ...world.program("console.log('done');"), retries: 5 });
    await becomes(runtime, 'stopped');
    await remains(runtime, 'stopped');
    assert.deepEqual(texts(await logs(runtime)), ['done']);
  },

  'what fails is in error and says why, and with 0 retries is not started again': async (world) => {
    const runtime = await started(world);
    await runtime.create(GREETER, { ...world.program("console.log('once'); process.exit(3);"), retries: 0 });
    const { error } = await becomes(runtime, 'error');
    assert.match(error ?? '', /3/);
    await remains(runtime, 'error');
    assert.deepEqual(texts(await logs(runtime)), ['once']);
  },

  'what fails is started again as often as it may be': async (world) => {
    const runtime = await started(world);
    await runtime.create(GREETER, { ...world.program("console.log('again'); process.exit(1);"), retries: 2 });
    await eventually(async () => assert.equal((await logs(runtime)).length, 3), { timeoutMs: DEADLINE_MS });
    await becomes(runtime, 'error');
    await remains(runtime, 'error');
    assert.equal((await logs(runtime)).length, 3);
  },

  'an update runs what is new instead of what was there': async (world) => {
    const runtime = await started(world);
    const code = 'console.log(process.env.GREETING); setInterval(() => {}, 1000);';
    await runtime.create(GREETER, { ...world.program(code), env: { GREETING: 'hello' } });
    await hasLogged(runtime, 'hello');
    await runtime.update({ ...GREETER, metadata: { zone: 'eu' } }, { env: { GREETING: 'goodbye' } });
    await hasLogged(runtime, 'goodbye');
    const found = await becomes(runtime, 'running');
    assert.deepEqual({ ...found.metadata }, { zone: 'eu' });
    assert.equal((await runtime.read()).length, 1);
  },

  'what is not there cannot be updated': async (world) => {
    const runtime = await started(world);
    await refused(runtime.update(GREETER, world.program(FOR_EVER)), CODE.notFound);
  },

  'what was deleted is gone, and can be created again': async (world) => {
    const runtime = await started(world);
    await runtime.create(GREETER, world.program(FOR_EVER));
    await hasLogged(runtime, 'up');
    await runtime.delete(GREETER);
    assert.deepEqual(await runtime.read(), []);
    await refused(logs(runtime), CODE.notFound);
    await runtime.create(GREETER, world.program("console.log('another'); setInterval(() => {}, 1000);"));
    await hasLogged(runtime, 'another');
    assert.deepEqual(texts(await logs(runtime)), ['another']);
  },

  'deleting what is not there does nothing': async (world) => {
    const runtime = await started(world);
    await runtime.delete(GREETER);
  },

  'a watcher sees what comes, changes and goes': async (world) => {
    const runtime = await started(world);
    const controller = new AbortController();
    const seen: RuntimeEvent[] = [];
    const watching = (async () => {
      for await (const event of runtime.watch({ name: 'greeter', signal: controller.signal })) seen.push(event);
    })();
    await runtime.create({ ...GREETER, name: 'other' }, world.program(FOR_EVER));
    await runtime.create(GREETER, world.program(FOR_EVER));
    await becomes(runtime, 'running');
    await runtime.update(GREETER, { env: { A: 'b' } });
    await becomes(runtime, 'running');
    await runtime.delete(GREETER);
    await eventually(() => assert.equal(seen.at(-1)?.type, 'delete'), { timeoutMs: DEADLINE_MS });
    controller.abort();
    await within('the watch', watching, DEADLINE_MS);
    assert.equal(seen[0]?.type, 'create');
    assert.ok(seen.some(({ type }) => type === 'update'));
    assert.deepEqual([...new Set(seen.map(({ workload }) => workload.name))], ['greeter']);
    assert.deepEqual(
      seen.map(({ type }) => type).filter((type) => type !== 'update'),
      ['create', 'delete'],
    );
  },

  'a name that could be a path is refused': async (world) => {
    const runtime = await started(world);
    for (const name of ['', '.', '..', '../escape', 'a/b', 'a\\b', '/etc', 'a\u0000b', '-rf', 'x'.repeat(300)]) {
      await refused(runtime.create({ ...GREETER, name }, world.program(FOR_EVER)), CODE.badRequest);
      await refused(runtime.create({ ...GREETER, version: name }, world.program(FOR_EVER)), CODE.badRequest);
      await refused(logs(runtime, { ...GREETER, name }), CODE.badRequest);
    }
    assert.deepEqual(await runtime.read(), []);
  },

  'names that mean something to JavaScript are names like any other': async (world) => {
    const runtime = await started(world);
    const named = { ...GREETER, name: 'constructor' };
    await refused(logs(runtime, named), CODE.notFound);
    await runtime.create(named, world.program(FOR_EVER));
    assert.equal((await runtime.read({ name: 'constructor' })).length, 1);
    await runtime.delete(named);
    assert.deepEqual(await runtime.read(), []);
  },

  'stopping ends what runs and whoever follows, and starting again runs it again': async (world) => {
    const runtime = await started(world);
    await runtime.create(GREETER, world.program(FOR_EVER));
    await hasLogged(runtime, 'up');
    let lines = 0;
    const following = (async () => {
      for await (const _ of runtime.logs(GREETER, { follow: true })) lines++;
      for await (const _ of runtime.watch({ signal: AbortSignal.abort() }));
    })();
    // Else the order of two requests decides whether there is still something to follow.
    await eventually(() => assert.equal(lines, 1), { timeoutMs: DEADLINE_MS });
    await within('the stop', runtime.stop(), DEADLINE_MS);
    await within('following', following, DEADLINE_MS);
    await becomes(runtime, 'stopped');
    await within('the start', runtime.start(), DEADLINE_MS);
    await becomes(runtime, 'running');
    await eventually(async () => assert.equal((await logs(runtime)).length, 2), { timeoutMs: DEADLINE_MS });
  },

  'a signal that has aborted ends everything before it begins': async (world) => {
    const runtime = await started(world);
    const signal = AbortSignal.abort();
    await refused(runtime.create(GREETER, { ...world.program(FOR_EVER), signal }), CODE.cancelled);
    await refused(runtime.read({ signal }), CODE.cancelled);
    await refused(runtime.delete(GREETER, { signal }), CODE.cancelled);
    assert.deepEqual(await runtime.read(), []);
  },
};

const GREETER: Workload = { name: 'greeter', version: '1.0.0', metadata: {} };

async function started(world: RuntimeWorld): Promise<Runtime> {
  const runtime = await world.create();
  await within('the start', runtime.start(), DEADLINE_MS);
  return runtime;
}

/** The greeter, when it is in a state. */
function becomes(runtime: Runtime, status: RunningWorkload['status']): Promise<RunningWorkload> {
  return eventually(
    async () => {
      const found = (await runtime.read({ name: 'greeter', version: '1.0.0' }))[0];
      assert.equal(found?.status, status, found?.error);
      return found;
    },
    { timeoutMs: DEADLINE_MS },
  );
}

/** That something does not happen can only be looked at for a while; a fault shows up sooner or later, in some run. */
async function remains(runtime: Runtime, status: RunningWorkload['status']): Promise<void> {
  for (let looks = 0; looks < 10; looks++) {
    await new Promise((resolve) => setTimeout(resolve, 30));
    assert.equal((await runtime.read({ name: 'greeter' }))[0]?.status, status);
  }
}

async function logs(runtime: Runtime, workload = GREETER, count?: number): Promise<readonly LogLine[]> {
  const lines: LogLine[] = [];
  const reading = (async () => {
    for await (const line of runtime.logs(workload, { count })) lines.push(line);
  })();
  await within('reading logs', reading, DEADLINE_MS);
  return lines;
}

async function hasLogged(runtime: Runtime, line: string, workload = GREETER): Promise<void> {
  await eventually(async () => assert.ok(texts(await logs(runtime, workload)).includes(line), `it wrote ${line}`), {
    timeoutMs: DEADLINE_MS,
  });
}

function texts(lines: readonly LogLine[], stream?: LogLine['stream']): readonly string[] {
  return lines.filter((line) => stream === undefined || line.stream === stream).map(({ message }) => message);
}

async function refused(promise: Promise<unknown>, code: number): Promise<void> {
  const error = await within('a refusal', promise, DEADLINE_MS).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof MicroError, `it should be refused with a MicroError, not ${String(error)}`);
  assert.equal(error.code, code, error.detail);
}
