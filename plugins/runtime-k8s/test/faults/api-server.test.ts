import { setTimeout as sleep } from 'node:timers/promises';
import type { Runtime, RuntimeEvent } from '@micro/core';
import { eventually, within } from '@micro/core/conformance';
import { missingServer, startKubernetes, type TestKubernetes } from '@micro/test-servers';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { ask } from '../ask.ts';
import { startNode, type TestNode } from '../node.ts';
import { deployments, freshNamespace, linesLogger, refusal, services, startRuntime, times } from '../world.ts';

const missing = missingServer('kubernetes');
const title = `when the API server dies${missing === undefined ? '' : ` (skipped: ${missing})`}`;
const GREETER = { name: 'greeter', version: '1.0.0', metadata: {} };
const TICKS = 'let i = 0; console.log(i++); setInterval(() => console.log(i++), 100);';
const program = { command: [process.execPath, '-e', TICKS] };
/** A question that is not answered is given up after this. */
const TIMEOUT_MS = 3_000;

describe.skipIf(missing !== undefined)(title, { timeout: 240_000 }, () => {
  let kubernetes: TestKubernetes;
  let node: TestNode;
  beforeAll(async () => {
    kubernetes = await startKubernetes();
    node = await startNode(kubernetes);
  }, 120_000);
  afterAll(async () => {
    await node?.close();
    await kubernetes?.close();
  });

  /** One who watches a namespace and follows the greeter in it, and what they have seen. */
  async function busy(timeoutMs = TIMEOUT_MS) {
    const namespace = await freshNamespace(kubernetes);
    const { logger, lines } = linesLogger();
    const settings = { namespace, timeoutMs, watchMs: 4_000, logger, graceMs: 500 };
    const runtime = await startRuntime(kubernetes, settings);
    const events: RuntimeEvent[] = [];
    const messages: string[] = [];
    const ended = { watch: false, logs: false };
    const watching = (async () => {
      for await (const event of runtime.watch()) events.push(event);
      ended.watch = true;
    })();
    await runtime.create(GREETER, program);
    await runs(runtime);
    const following = (async () => {
      for await (const { message } of runtime.logs(GREETER, { follow: true })) messages.push(message);
      ended.logs = true;
    })();
    const failures: unknown[] = [];
    for (const one of [watching, following]) one.catch((error: unknown) => failures.push(error));
    await eventually(() => expect(messages.length).toBeGreaterThan(3), { timeoutMs: 30_000 });
    /** The names of those that came or went since, in order. */
    const comings = () =>
      events.filter(({ type }) => type !== 'update').map(({ type, workload }) => `${type} ${workload.name}`);
    const isWhole = () => expect(messages).toEqual(messages.map((_, index) => String(index)));
    return { namespace, runtime, lines, events, comings, messages, isWhole, ended, failures, watching, following };
  }

  const runs = (runtime: Runtime) =>
    eventually(async () => expect((await runtime.read({ name: 'greeter' }))[0]).toMatchObject({ status: 'running' }), {
      timeoutMs: 30_000,
    });

  test('questions fail at once, and watches and logs go on when it is back, with one line for each', async () => {
    const { runtime, lines, comings, messages, isWhole, failures } = await busy(30_000);
    await kubernetes.kill();
    const begun = Date.now();
    const error = await refusal(runtime.read());
    expect([error.code, error.detail]).toEqual([
      503,
      expect.stringContaining(`${kubernetes.address} cannot be reached`),
    ]);
    // And not when their deadline is over.
    expect(Date.now() - begun).toBeLessThan(15_000);
    await sleep(3_000);
    await kubernetes.start();
    const back = Date.now();
    const seen = messages.length;
    await eventually(() => expect(messages.length).toBeGreaterThan(seen), { timeoutMs: 30_000 });
    times(`killed for 3 s: a followed log goes on after ${Date.now() - back} ms`);
    await eventually(() => runtime.create({ ...GREETER, name: 'after' }, program), { timeoutMs: 20_000 });
    await eventually(() => expect(comings()).toEqual(['create greeter', 'create after']), { timeoutMs: 30_000 });
    times(`killed for 3 s: a watch goes on after ${Date.now() - back} ms`);
    isWhole();
    expect(failures).toEqual([]);
    expect(lines).toEqual([
      expect.stringMatching(/^warn the API server at .* cannot be reached/),
      expect.stringMatching(/^info the API server at .* is reached again/),
    ]);
  });

  test('what changed while nobody could be told is told when it is back', async () => {
    const { namespace, runtime, comings, events } = await busy();
    kubernetes.freeze();
    // Long enough for the watch to be given up.
    await eventually(async () => expect((await refusal(runtime.read())).code).toBe(408), { timeoutMs: 20_000 });
    await kubernetes.kill();
    await kubernetes.start();
    for (const path of [services(namespace), deployments(namespace)]) {
      await ask(kubernetes, `${path}/greeter-1-0-0`, { method: 'DELETE' });
    }
    await eventually(() => expect(comings()).toEqual(['create greeter', 'delete greeter']), { timeoutMs: 30_000 });
    expect(events.at(-1)?.workload.status).toBe('stopped');
  });

  test('one that stands still is given up by everything within its time, and taken up again', async () => {
    const { runtime, lines, comings, messages, isWhole, failures } = await busy();
    kubernetes.freeze();
    const begun = Date.now();
    const asked = await Promise.all([
      refusal(runtime.read()),
      refusal(runtime.create({ ...GREETER, name: 'never' }, program)),
      refusal(runtime.update(GREETER, { env: { A: '1' } })),
      refusal(runtime.delete(GREETER)),
    ]);
    expect(asked.map(({ code }) => code)).toEqual([408, 408, 408, 408]);
    expect(asked[1]?.detail).toContain('its Deployment may be left behind: delete it with the workload');
    // One deadline for the question, one for looking whether it was done all the same, and those in one turn one after the other.
    expect(Date.now() - begun).toBeLessThan(4 * TIMEOUT_MS + 3_000);
    // Until the watches have ended as well.
    await sleep(8_000);
    kubernetes.thaw();
    const back = Date.now();
    await eventually(() => runtime.create({ ...GREETER, name: 'after' }, program), { timeoutMs: 20_000 });
    await eventually(() => expect(comings()).toContain('create after'), { timeoutMs: 30_000 });
    times(`frozen: a watch goes on after ${Date.now() - back} ms`);
    const seen = messages.length;
    await eventually(() => expect(messages.length).toBeGreaterThan(seen + 10), { timeoutMs: 30_000 });
    isWhole();
    expect(failures).toEqual([]);
    // One that was asked before may be given up after it was reached again, which is another pair of lines.
    await eventually(() =>
      expect(lines.filter((line) => line.startsWith('warn')).length).toBe(
        lines.filter((line) => line.startsWith('info')).length,
      ),
    );
  });

  test('a stop returns while it stands still, and ends who watches and follows', async () => {
    const { runtime, ended, watching, following, failures } = await busy();
    kubernetes.freeze();
    onTestFinished(() => kubernetes.thaw());
    const pending = refusal(runtime.update(GREETER, { env: { A: '1' } }));
    await sleep(200);
    const begun = Date.now();
    await within('the stop', runtime.stop(), 2 * TIMEOUT_MS);
    times(`frozen: a stop takes ${Date.now() - begun} ms`);
    await within('watching and following', Promise.all([watching, following]), 20_000);
    expect(ended).toEqual({ watch: true, logs: true });
    expect(failures).toEqual([]);
    expect((await pending).code).toBe(503);
  });

  test('one that comes back with nothing is found to have nothing', async () => {
    const { runtime, comings, ended, failures } = await busy();
    await kubernetes.kill();
    await kubernetes.start({ wipe: true });
    const back = Date.now();
    await eventually(() => expect(comings()).toEqual(['create greeter', 'delete greeter']), { timeoutMs: 30_000 });
    times(`wiped: a watch has told it after ${Date.now() - back} ms`);
    // What was followed is not there any more.
    await eventually(() => expect(ended.logs).toBe(true), { timeoutMs: 30_000 });
    expect(await runtime.read()).toEqual([]);
    expect(failures).toEqual([]);
  });
});
