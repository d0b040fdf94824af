import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { within } from '@micro/core/conformance';
import { missingServer, startRedis, startRedisCluster, startRedisSentinel } from '@micro/test-servers';
import { describe, expect, test } from 'vitest';

const missing = missingServer('redis');
const PROGRAM = fileURLToPath(new URL('../exit-process.mjs', import.meta.url));

/** Runs the program until it has written, then does something to the servers, and measures how long it takes to end. */
async function exitMs(urls: readonly string[], meanwhile: () => unknown): Promise<number> {
  const child = spawn(process.execPath, [PROGRAM, ...urls], { stdio: ['pipe', 'pipe', 'inherit'] });
  try {
    // Six of these start at a time, each of them with a server or several.
    await within('the first write', written(child), 60_000);
    await meanwhile();
    const begun = performance.now();
    child.stdin?.write('\n');
    const [code] = await within('the end of the process', once(child, 'exit'), 20_000);
    expect(code).toBe(0);
    return performance.now() - begun;
  } finally {
    child.kill('SIGKILL');
  }
}

async function written(child: ChildProcess): Promise<void> {
  for await (const chunk of child.stdout ?? []) if (String(chunk).includes('written')) return;
  throw new Error('the process ended before it had written');
}

describe
  .skipIf(missing !== undefined)
  .concurrent(
    `a process that has closed its store ends by itself${missing === undefined ? '' : ` (skipped: ${missing})`}`,
    { timeout: 200_000 },
    () => {
      test('when all is well, when the server was killed, and when it hangs', async () => {
        await using well = await startRedis();
        await using killed = await startRedis();
        await using frozen = await startRedis();
        const times = await Promise.all([
          exitMs([well.url], () => {}),
          exitMs([killed.url], () => killed.kill()),
          exitMs([frozen.url], () => frozen.freeze()),
        ]);
        for (const ms of times) expect(ms).toBeLessThan(12_000);
      });

      test('with a cluster that is there, and with one of which a node hangs', async () => {
        await using cluster = await startRedisCluster();
        expect(await exitMs(cluster.urls, () => {})).toBeLessThan(12_000);
        const frozen = (): void => {
          for (const server of cluster.servers) server.freeze();
        };
        expect(await exitMs(cluster.urls, frozen)).toBeLessThan(12_000);
      });

      test('with sentinels whose master was killed', async () => {
        await using system = await startRedisSentinel();
        const urls = system.sentinels.map(({ address }) => `redis+sentinel://${address}/${system.name}`);
        const killed = async (): Promise<void> => (await system.master()).kill();
        expect(await exitMs(urls, killed)).toBeLessThan(12_000);
      });
    },
  );
