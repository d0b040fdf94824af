import { describe, expect, test } from 'vitest';
import { eventually } from '../../src/conformance/eventually.ts';
import type { Context } from '../../src/contract/context.ts';
import type { ServiceRecord } from '../../src/contract/registry.ts';
import type { Service } from '../../src/contract/service.ts';
import { memoryRegistry } from '../../src/registry/memory-registry.ts';
import { bidiStream, clientStream, defineService, serverStream, unary } from '../../src/rpc/define-service.ts';
import { recordingLogger } from './recording-logger.ts';
import { createWorld, TRANSPORTS } from './world.ts';

const Work = defineService('Work', {
  wait: unary<{ n: number }, { node: string }>(),
  give: serverStream<{ count: number }, { n: number }>(),
  take: clientStream<{ n: number }, { sum: number }>(),
  swap: bidiStream<{ n: number }, { n: number }>(),
});

/** A gate that handlers wait at. */
function gate(): { readonly opened: Promise<void>; open(): void } {
  let open = (): void => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { opened, open };
}

/** What the callers of a test know: the nodes as they were, whatever has become of them since. */
async function frozenRegistry(...services: readonly Service[]) {
  const records: ServiceRecord[] = [];
  for (const { components } of services) {
    for (const record of await components.registry.getService('greeter')) records.push(record);
  }
  return memoryRegistry({ services: records });
}

describe.each(Object.entries(TRANSPORTS))('over the %s, a server that stops', (_, transports) => {
  test('lets calls and streams of all kinds finish', async () => {
    const transport = transports();
    await using world = createWorld(transport);
    const held = gate();
    let begun = 0;
    const service = await world.start({}, ({ server }) =>
      server.handle(Work, {
        async wait() {
          begun += 1;
          await held.opened;
          return { node: 'a' };
        },
        async *give({ count }) {
          begun += 1;
          for (let n = 0; n < count; n++) {
            if (n === 5) await held.opened;
            yield { n };
          }
        },
        async take(numbers) {
          begun += 1;
          let sum = 0;
          for await (const { n } of numbers) sum += n;
          return { sum };
        },
        async *swap(numbers) {
          begun += 1;
          for await (const { n } of numbers) yield { n: n * 2 };
        },
      }),
    );
    const work = world.caller().client.of(Work, 'greeter');
    async function* numbers(): AsyncGenerator<{ n: number }> {
      for (let n = 1; n <= 10; n++) {
        if (n === 5) await held.opened;
        yield { n };
      }
    }
    const collect = async (stream: AsyncIterable<{ n: number }>): Promise<number[]> => {
      const all: number[] = [];
      for await (const { n } of stream) all.push(n);
      return all;
    };
    const answers = Promise.all([
      work.wait({ n: 1 }, { timeoutMs: 15_000 }),
      collect(work.give({ count: 10 })),
      work.take(numbers(), { timeoutMs: 15_000 }),
      collect(work.swap(numbers())),
    ]);
    await eventually(() => expect(begun).toBe(4));
    let stopped = false;
    const stopping = service.stop().then(() => {
      stopped = true;
    });
    await eventually(() => expect(service.server.status).toBe('stopping'));
    expect(stopped).toBe(false);
    held.open();
    expect(await answers).toEqual([
      { node: 'a' },
      [0, 1, 2, 3, 4, 5, 6, 7, 8, 9],
      { sum: 55 },
      [2, 4, 6, 8, 10, 12, 14, 16, 18, 20],
    ]);
    await stopping;
    expect(service.server.status).toBe('stopped');
  });

  test('refuses what is new so that callers go to another node, and nothing runs twice', async () => {
    const transport = transports();
    await using world = createWorld(transport);
    const held = gate();
    const ran: string[] = [];
    const prepare =
      (id: string) =>
      ({ server }: Service): void =>
        server.handle(Work, {
          async wait({ n }) {
            ran.push(`${n}`);
            if (n === 0) await held.opened;
            return { node: id };
          },
          async *give() {
            yield { n: id === 'a' ? 1 : 2 };
          },
          take: async () => ({ sum: 0 }),
          async *swap() {},
        });
    const a = await world.start({ id: 'a' }, prepare('a'));
    // Told once where the nodes are, and never again.
    const onlyA = await frozenRegistry(a);
    await world.start({ id: 'b' }, prepare('b'));
    const both = await frozenRegistry(a);
    const toA = world.caller({ registry: onlyA }).client.of(Work, 'greeter');
    const toBoth = world.caller({ registry: both }).client.of(Work, 'greeter');
    const first = toA.wait({ n: 0 }, { timeoutMs: 15_000 });
    await eventually(() => expect(ran).toEqual(['0']));
    const stopping = a.stop();
    await eventually(() => expect(a.server.status).toBe('stopping'));
    const numbers = Array.from({ length: 100 }, (__, index) => index + 1);
    const answers = await Promise.all(numbers.map((n) => toBoth.wait({ n })));
    expect(new Set(answers.map(({ node }) => node))).toEqual(new Set(['b']));
    for await (const { n } of toBoth.give({ count: 1 })) expect(n).toBe(2);
    await expect(toA.wait({ n: 1_000 }, { retries: 1 })).rejects.toMatchObject({ code: 503, unexecuted: true });
    held.open();
    expect(await first).toEqual({ node: 'a' });
    await stopping;
    expect(ran.map(Number).sort((x, y) => x - y)).toEqual([0, ...numbers]);
  });

  test('cuts what takes longer than its budget, says so, and tells handler and caller', async () => {
    const transport = transports();
    await using world = createWorld(transport);
    const { logger, lines } = recordingLogger();
    const aborted: string[] = [];
    let begun = 0;
    const service = await world.start({ logger, server: { drainMs: 100 } }, ({ server }) =>
      server.handle(Work, {
        async wait(__, ctx: Context) {
          begun += 1;
          await new Promise<void>((resolve) => ctx.signal.addEventListener('abort', () => resolve(), { once: true }));
          aborted.push('wait');
          return { node: 'a' };
        },
        async *give() {
          begun += 1;
          try {
            for (let n = 0; ; n++) {
              yield { n };
              await new Promise((resolve) => setTimeout(resolve, 5));
            }
          } finally {
            aborted.push('give');
          }
        },
        take: async () => ({ sum: 0 }),
        async *swap() {},
      }),
    );
    const work = world.caller().client.of(Work, 'greeter');
    const calling = work.wait({ n: 1 }, { timeoutMs: 0 }).catch((error: unknown) => error);
    const reading = (async () => {
      for await (const __ of work.give({ count: 0 }));
    })().catch((error: unknown) => error);
    await eventually(() => expect(begun).toBe(2));
    await service.stop();
    expect(await calling).toMatchObject({ code: 503, unexecuted: false });
    expect(await reading).toMatchObject({ code: 503, unexecuted: false });
    await eventually(() => expect(aborted.sort()).toEqual(['give', 'wait']));
    expect(lines.filter(({ level }) => level === 'warn').map(({ text }) => text)).toEqual([
      'greeter stopped with 2 calls and streams unfinished after 100 ms',
    ]);
  });
});

test('a server that stops is first out of the registry and serves on for a while', async () => {
  const events: string[] = [];
  const inner = memoryRegistry();
  const registry = {
    ...inner,
    async deregister(...args: Parameters<typeof inner.deregister>) {
      events.push('deregistered');
      await inner.deregister(...args);
    },
  };
  await using world = createWorld();
  const { logger, lines } = recordingLogger();
  const service = await world.start(
    {
      registry,
      logger,
      // Long enough for a call on a machine that is busy.
      server: { settleMs: 2_000 },
      hooks: {
        beforeStop: [() => void events.push('before stop')],
        afterDrain: [() => void events.push(`drained, ${service.server.address === undefined ? 'closed' : 'open'}`)],
        afterStop: [() => void events.push('after stop')],
      },
    },
    ({ server }) => server.handle('Work', { wait: () => void events.push('called') }),
  );
  const { client } = world.caller({ registry: await frozenRegistry(service) });
  await client.call({ service: 'greeter', endpoint: 'Work.Wait' });
  const stopping = service.stop();
  await eventually(() => expect(events).toContain('deregistered'));
  expect(service.server.status).toBe('draining');
  await client.call({ service: 'greeter', endpoint: 'Work.Wait' });
  await stopping;
  expect(events).toEqual(['called', 'before stop', 'deregistered', 'called', 'drained, open', 'after stop']);
  expect(lines.filter(({ level }) => level === 'warn')).toEqual([]);
});
