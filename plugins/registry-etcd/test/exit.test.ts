import { runProgram, startEtcd } from '@micro/test-servers';
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

describe.skipIf(missing !== undefined)(`a process with an etcd registry${why}`, () => {
  it('ends by itself when the registry was closed, with watches and registrations', async () => {
    await using etcd = await startEtcd();
    const { code, printed, tookMs } = await (await runProgram(PROGRAM, etcd.url)).end();
    expect([code, printed]).toEqual([0, 'ready\nclosed\n']);
    expect(tookMs).toBeLessThan(5_000);
  });

  it('ends by itself when etcd was lost and came back before that', async () => {
    await using etcd = await startEtcd();
    const child = await runProgram(PROGRAM, etcd.url);
    await etcd.kill();
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    await etcd.start();
    const { code, printed, tookMs } = await child.end();
    expect([code, printed]).toEqual([0, 'ready\nclosed\n']);
    expect(tookMs).toBeLessThan(8_000);
  });

  it('ends by itself when etcd is dead, and when it is frozen', async () => {
    await using dead = await startEtcd();
    await using frozen = await startEtcd();
    const children = await Promise.all([runProgram(PROGRAM, dead.url), runProgram(PROGRAM, frozen.url)]);
    await dead.kill();
    frozen.freeze();
    for (const { code, printed, tookMs } of await Promise.all(children.map((child) => child.end()))) {
      expect([code, printed]).toEqual([0, 'ready\nclosed\n']);
      expect(tookMs).toBeLessThan(8_000);
    }
  });
});
