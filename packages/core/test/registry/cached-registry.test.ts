import { afterEach, describe, expect, it, test } from 'vitest';
import { eventually } from '../../src/conformance/eventually.ts';
import { registryCases } from '../../src/conformance/registry.ts';
import { runConformance } from '../../src/conformance/run.ts';
import type { Registry, RegistryEvent, ServiceRecord } from '../../src/contract/registry.ts';
import { CODE } from '../../src/error/code.ts';
import { MicroError } from '../../src/error/micro-error.ts';
import { type CachedRegistryOptions, cachedRegistry } from '../../src/registry/cached-registry.ts';
import { memoryRegistry } from '../../src/registry/memory-registry.ts';

describe('cachedRegistry conforms', () => {
  runConformance({
    test,
    cases: registryCases,
    world: () => {
      const registry = memoryRegistry();
      const made: Registry[] = [];
      return {
        create: () => {
          const cached = cachedRegistry(registry);
          // Closing it leaves the memory registry open; the case of a closed registry means both.
          const both: Registry = {
            ...cached,
            close: async () => {
              await cached.close();
              await registry.close();
            },
          };
          made.push(both);
          return both;
        },
        close: async () => {
          for (const one of made) await one.close();
        },
      };
    },
  });
});

/** A memory registry that counts what it is asked, and can be told to fail, to hang, or to break its watches. */
function moody() {
  const memory = memoryRegistry();
  const mood = { lookups: 0, watches: 0, watching: 0, missed: 0, fails: false, hangs: false, deaf: false };
  const breaks = new Set<(error: Error) => void>();
  const down = () => new MicroError({ code: CODE.unavailable, detail: 'the registry is down' });
  const registry: Registry = {
    ...memory,
    name: 'moody',
    async getService(name) {
      mood.lookups++;
      if (mood.hangs) return new Promise<never>(() => {});
      if (mood.fails) throw down();
      return memory.getService(name);
    },
    async *watch(options) {
      mood.watches++;
      if (mood.fails) throw down();
      mood.watching++;
      const broken = new Promise<never>((_, reject) => breaks.add(reject));
      broken.catch(() => {});
      const events = memory.watch(options)[Symbol.asyncIterator]();
      try {
        for (;;) {
          const { done, value } = await Promise.race<IteratorResult<RegistryEvent>>([events.next(), broken]);
          if (done) return;
          if (mood.deaf) mood.missed++;
          else yield value;
        }
      } finally {
        mood.watching--;
        await events.return?.();
      }
    },
  };
  const breakWatches = () => {
    for (const reject of breaks) reject(down());
    breaks.clear();
  };
  return { registry, memory, mood, breakWatches };
}

function record(number: number, address = `127.0.0.1:${4000 + number}`): ServiceRecord {
  const nodes = [{ id: `greeter-${number}`, address, metadata: {} }];
  return { name: 'greeter', version: '1', metadata: {}, endpoints: [], nodes };
}

describe('cachedRegistry', () => {
  const open: Registry[] = [];
  const make = (options?: CachedRegistryOptions) => {
    const world = moody();
    const cached = cachedRegistry(world.registry, options);
    open.push(cached, world.memory);
    return { ...world, cached };
  };
  afterEach(async () => {
    for (const registry of open.splice(0)) await registry.close();
  });
  const nodes = (answer: Awaited<ReturnType<Registry['getService']>>) =>
    answer.flatMap((service) => service.nodes.map(({ id }) => id)).sort();

  it('answers at once and with the identical array while nothing changed', async () => {
    const { cached, memory, mood } = make();
    await memory.register(record(1));
    const first = await cached.getService('greeter');
    expect(cached.getService('greeter')).toBe(first);
    await memory.register(record(1));
    expect(cached.getService('greeter')).toBe(first);
    expect(mood.lookups).toBe(1);
  });

  it('still answers with the identical array after it asked again and heard the same', async () => {
    const { cached, memory, mood } = make({ ttlMs: 20 });
    await memory.register(record(1));
    const first = await cached.getService('greeter');
    await eventually(() => expect(mood.lookups).toBeGreaterThan(3));
    expect(cached.getService('greeter')).toBe(first);
  });

  it('asks once for all who wait', async () => {
    const { cached, memory, mood } = make();
    await memory.register(record(1));
    const answers = await Promise.all(Array.from({ length: 50 }, () => cached.getService('greeter')));
    expect(mood.lookups).toBe(1);
    expect(new Set(answers).size).toBe(1);
  });

  it('learns from its watch without asking, and leaves alone what it handed out', async () => {
    const { cached, memory } = make({ ttlMs: 0 });
    await memory.register(record(1));
    const first = await cached.getService('greeter');
    await memory.register(record(2));
    await eventually(
      async () => expect(nodes(await cached.getService('greeter'))).toEqual(['greeter-1', 'greeter-2']),
      {
        timeoutMs: 500,
      },
    );
    await memory.deregister(record(1));
    await eventually(async () => expect(nodes(await cached.getService('greeter'))).toEqual(['greeter-2']), {
      timeoutMs: 500,
    });
    expect(nodes(first)).toEqual(['greeter-1']);
  });

  it('does not trust the watch: what it did not tell is found when asking again, and nobody waits for that', async () => {
    const { cached, memory, mood } = make({ ttlMs: 30 });
    await memory.register(record(1));
    await cached.getService('greeter');
    mood.deaf = true;
    await memory.register(record(2));
    await eventually(() => {
      const answer = cached.getService('greeter');
      if (answer instanceof Promise) throw new Error('somebody had to wait');
      expect(nodes(answer)).toEqual(['greeter-1', 'greeter-2']);
    });
  });

  it('begins another watch when one breaks, and finds what happened in between', async () => {
    const { cached, memory, mood, breakWatches } = make({ ttlMs: 0 });
    await memory.register(record(1));
    await cached.getService('greeter');
    await eventually(() => expect(mood.watching).toBe(1));
    mood.deaf = true;
    await memory.register(record(2));
    await eventually(() => expect(mood.missed).toBe(1));
    mood.deaf = false;
    breakWatches();
    await eventually(async () => expect(nodes(await cached.getService('greeter'))).toEqual(['greeter-1', 'greeter-2']));
    await eventually(() => expect(mood.watching).toBe(1));
    expect(mood.watches).toBe(2);
  });

  it('keeps the last known nodes while the registry is down, says so once, and says when it is back', async () => {
    const lines: string[] = [];
    const logger = {
      name: 'lines',
      enabled: () => true,
      log: (level: string, message: string) => void (level !== 'debug' && lines.push(`${level} ${message}`)),
      logf: () => {},
      fields: () => logger,
    };
    const { cached, memory, mood, breakWatches } = make({ ttlMs: 10, logger });
    await memory.register(record(1));
    await cached.getService('greeter');
    mood.fails = true;
    breakWatches();
    const asked = mood.lookups;
    await eventually(() => expect(mood.lookups).toBeGreaterThan(asked + 2));
    expect(nodes(await cached.getService('greeter'))).toEqual(['greeter-1']);
    mood.fails = false;
    await eventually(() =>
      expect(lines).toEqual([
        'warn the moody registry cannot be reached, so what was last known is used',
        'info the moody registry is reached again',
      ]),
    );
  });

  it('believes an answer without nodes', async () => {
    const { cached, memory, mood } = make({ ttlMs: 20 });
    await memory.register(record(1));
    await cached.getService('greeter');
    mood.deaf = true;
    await memory.deregister(record(1));
    await eventually(async () => expect(await cached.getService('greeter')).toEqual([]));
  });

  it('remembers for a moment only that nobody is registered, and watches nothing for it', async () => {
    const { cached, memory, mood } = make({ unknownTtlMs: 500 });
    expect(await cached.getService('greeter')).toEqual([]);
    expect(cached.getService('greeter')).toEqual([]);
    expect(mood).toMatchObject({ lookups: 1, watches: 0 });
    await memory.register(record(1));
    await eventually(async () => expect(nodes(await cached.getService('greeter'))).toEqual(['greeter-1']));
  });

  it('knows at once what was registered and deregistered through it', async () => {
    const { cached } = make({ ttlMs: 0 });
    expect(await cached.getService('greeter')).toEqual([]);
    await cached.register(record(1));
    expect(nodes(await cached.getService('greeter'))).toEqual(['greeter-1']);
    await cached.register(record(2));
    expect(nodes(await cached.getService('greeter'))).toEqual(['greeter-1', 'greeter-2']);
    await cached.deregister(record(1));
    expect(nodes(await cached.getService('greeter'))).toEqual(['greeter-2']);
  });

  it('gives up a lookup at its deadline, and a caller at its own, while the others go on waiting', async () => {
    const { cached, mood } = make({ timeoutMs: 200 });
    mood.hangs = true;
    const patient = cached.getService('greeter');
    const impatient = cached.getService('greeter', { signal: AbortSignal.timeout(10) });
    await expect(impatient).rejects.toMatchObject({ code: CODE.timeout });
    await expect(patient).rejects.toMatchObject({ code: CODE.timeout, detail: expect.stringContaining('200 ms') });
    expect(mood.lookups).toBe(1);
  });

  it('throws what the registry threw when nothing was known, and asks again the next time', async () => {
    const { cached, memory, mood } = make();
    mood.fails = true;
    await expect(cached.getService('greeter')).rejects.toMatchObject({ code: CODE.unavailable });
    mood.fails = false;
    await memory.register(record(1));
    expect(nodes(await cached.getService('greeter'))).toEqual(['greeter-1']);
  });

  it('forgets a service that is no longer asked for, and ends its watch', async () => {
    const { cached, memory, mood } = make({ ttlMs: 10, idleMs: 500 });
    await memory.register(record(1));
    await cached.getService('greeter');
    await eventually(() => expect(mood.watching).toBe(1));
    await eventually(() => expect(mood.watching).toBe(0));
    const asked = mood.lookups;
    expect(cached.getService('greeter')).toBeInstanceOf(Promise);
    expect(mood.lookups).toBe(asked + 1);
  });

  it('remembers so many services and no more', async () => {
    const { cached, memory, mood } = make({ maxServices: 3 });
    for (const name of ['a', 'b', 'c', 'd']) {
      await memory.register({ ...record(1), name });
      await cached.getService(name);
    }
    await eventually(() => expect(mood.watching).toBe(3));
    expect(cached.getService('d')).not.toBeInstanceOf(Promise);
  });

  it('ends its watches when it is closed, and leaves the registry open', async () => {
    const { cached, memory, mood } = make();
    await memory.register(record(1));
    await cached.getService('greeter');
    await eventually(() => expect(mood.watching).toBe(1));
    await cached.close();
    await eventually(() => expect(mood.watching).toBe(0));
    await expect(cached.getService('greeter')).rejects.toMatchObject({ code: CODE.unavailable });
    expect(nodes(await memory.getService('greeter'))).toEqual(['greeter-1']);
  });

  it('answers fast however many nodes come and go between two questions', async () => {
    const { cached, memory } = make({ ttlMs: 0 });
    await memory.register(record(1));
    await cached.getService('greeter');
    for (let number = 2; number <= 3_000; number++) await memory.register(record(number));
    await eventually(async () => expect(nodes(await cached.getService('greeter'))).toHaveLength(3_000));
  });
});
