import { eventually } from '@micro/core/conformance';
import { createNamespace, missingNamespace, missingServer, startKubernetes } from '@micro/test-servers';
import { describe, expect, test } from 'vitest';
import { linesLogger, refusal, startRuntime, times } from '../world.ts';

const missing = missingServer('kubernetes') ?? missingNamespace();
const title = `when the network is cut${missing === undefined ? '' : ` (skipped: ${missing})`}`;
const GREETER = { name: 'greeter', version: '1.0.0', metadata: {} };

describe.skipIf(missing !== undefined)(title, { timeout: 240_000 }, () => {
  test('a watch that hears nothing any more goes on when the network is there again', async () => {
    await using namespace = await createNamespace();
    await using kubernetes = await startKubernetes({ namespace });
    const { logger, lines } = linesLogger();
    const watcher = await startRuntime(kubernetes, { timeoutMs: 2_000, watchMs: 3_000, logger });
    const actor = await startRuntime(kubernetes);
    const seen: string[] = [];
    const watching = (async () => {
      for await (const { type, workload } of watcher.watch())
        if (type !== 'update') seen.push(`${type} ${workload.name}`);
    })();
    await watcher.create(GREETER);
    await eventually(() => expect(seen).toEqual(['create greeter']), { timeoutMs: 20_000 });
    await namespace.partition();
    expect((await refusal(watcher.read())).code).toBe(408);
    expect(lines.filter((line) => line.startsWith('warn'))).toHaveLength(1);
    // Longer than the watch takes to notice.
    await new Promise((resolve) => setTimeout(resolve, 6_000));
    await namespace.heal();
    const back = Date.now();
    await eventually(() => actor.delete(GREETER), { timeoutMs: 60_000 });
    await eventually(() => expect(seen).toEqual(['create greeter', 'delete greeter']), { timeoutMs: 60_000 });
    times(`cut off for 8 s: a watch has told what another did after ${Date.now() - back} ms`);
    await watcher.stop();
    await watching;
  });
});
