import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { startEtcd } from '@micro/test-servers';
import { describe, expect, it } from 'vitest';
import { missing, why } from './support.ts';

const PLUGIN = new URL('../dist/index.js', import.meta.url).href;

/** Uses a registry in every way, says `ready`, and closes it when it is told to. */
const PROGRAM = `
  import { once } from 'node:events';
  import { etcdRegistry } from ${JSON.stringify(PLUGIN)};
  const registry = etcdRegistry({ hosts: process.argv[1], timeoutMs: 2_000 });
  const record = { name: 'greeter', version: '1', metadata: {}, endpoints: [], nodes: [{ id: 'greeter-1', address: '127.0.0.1:1', metadata: {} }] };
  const watches = [undefined, 'greeter', 'other'].map(async (service) => { for await (const event of registry.watch({ service })); });
  await registry.register(record);
  await registry.register({ ...record, nodes: [{ ...record.nodes[0], id: 'greeter-2' }] }, { ttlMs: 60_000 });
  await registry.getService('greeter');
  console.log('ready');
  await once(process.stdin, 'data');
  process.stdin.destroy();
  await registry.close();
  await Promise.all(watches);
  console.log('closed');
`;

async function run(url: string) {
  const child = spawn(process.execPath, ['--input-type=module', '-e', PROGRAM, url], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const exited = once(child, 'exit');
  let printed = '';
  child.stdout.on('data', (data) => {
    printed += String(data);
  });
  await Promise.race([once(child.stdout, 'data'), exited]);
  return {
    /** How long it lived after it was told to close, in milliseconds, and what it printed. */
    async close() {
      child.stdin.write('\n');
      const begun = performance.now();
      const timer = setTimeout(() => child.kill('SIGKILL'), 20_000);
      const [code] = await exited;
      clearTimeout(timer);
      return { code, printed, tookMs: performance.now() - begun };
    },
  };
}

describe.skipIf(missing !== undefined)(`a process with an etcd registry${why}`, () => {
  it('ends by itself when the registry was closed, with watches and registrations', async () => {
    await using etcd = await startEtcd();
    const { code, printed, tookMs } = await (await run(etcd.url)).close();
    expect([code, printed]).toEqual([0, 'ready\nclosed\n']);
    expect(tookMs).toBeLessThan(5_000);
  });

  it('ends by itself when etcd was lost and came back before that', async () => {
    await using etcd = await startEtcd();
    const child = await run(etcd.url);
    await etcd.kill();
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    await etcd.start();
    const { code, printed, tookMs } = await child.close();
    expect([code, printed]).toEqual([0, 'ready\nclosed\n']);
    expect(tookMs).toBeLessThan(8_000);
  });

  it('ends by itself when etcd is dead, and when it is frozen', async () => {
    await using dead = await startEtcd();
    await using frozen = await startEtcd();
    const children = await Promise.all([run(dead.url), run(frozen.url)]);
    await dead.kill();
    frozen.freeze();
    for (const { code, printed, tookMs } of await Promise.all(children.map((child) => child.close()))) {
      expect([code, printed]).toEqual([0, 'ready\nclosed\n']);
      expect(tookMs).toBeLessThan(8_000);
    }
  });
});
