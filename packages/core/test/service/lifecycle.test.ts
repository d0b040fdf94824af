import { createServer } from 'node:net';
import { freeUdpPort } from '@micro/test-servers';
import { describe, expect, test } from 'vitest';
import { eventually, within } from '../../src/conformance/eventually.ts';
import { type LifecycleWorld, lifecycleCases } from '../../src/conformance/lifecycle.ts';
import { runConformance } from '../../src/conformance/run.ts';
import type { Registry } from '../../src/contract/registry.ts';
import type { Service } from '../../src/contract/service.ts';
import { silentLogger } from '../../src/logger/silent-logger.ts';
import { mdnsRegistry } from '../../src/registry/mdns-registry.ts';
import { memoryRegistry } from '../../src/registry/memory-registry.ts';
import { renewedRegistry } from '../../src/registry/renewed-registry.ts';
import { createService } from '../../src/service/create-service.ts';
import type { ServiceOptions } from '../../src/service/service-options.ts';
import { httpTransport } from '../../src/transport/http-transport.ts';
import { memoryTransport } from '../../src/transport/memory-transport.ts';
import { children, stopped, told } from './child-process.ts';
import { recordingLogger } from './recording-logger.ts';
import { createWorld } from './world.ts';

function serviceOf(options: Partial<ServiceOptions> = {}): Service {
  const service = createService({
    name: 'greeter',
    registry: memoryRegistry(),
    logger: silentLogger(),
    ...options,
    server: { address: '127.0.0.1:0', settleMs: 0, ...options.server },
  });
  service.server.handle('Greeter', { hello: ({ name }: { name: string }) => ({ msg: `Hello ${name}` }) });
  return service;
}

/** A service that calls itself: found, served and answered. */
async function answers({ client }: Service): Promise<boolean> {
  const answer = await client.call({ service: 'greeter', endpoint: 'Greeter.Hello', body: { name: 'John' } });
  return (answer as { msg: string }).msg === 'Hello John';
}

function lifecycleWorld(
  make: () => Service,
  part: (service: Service) => Pick<Service, 'start' | 'stop'>,
): LifecycleWorld {
  const made: Service[] = [];
  return {
    create() {
      const service = make();
      made.push(service);
      const { start, stop } = part(service);
      return { start, stop, works: () => answers(service) };
    },
    async close() {
      await Promise.all(made.map((service) => service.stop()));
    },
  };
}

describe.each([
  ['a service', (service: Service) => service],
  ['a server', (service: Service) => service.server],
] as const)('%s', (_, part) => {
  describe('over http', () => {
    runConformance({ test, cases: lifecycleCases, world: () => lifecycleWorld(() => serviceOf(), part) });
  });
  describe('over memory', () => {
    runConformance({
      test,
      cases: lifecycleCases,
      world: () => lifecycleWorld(() => serviceOf({ transport: memoryTransport() }), part),
    });
  });
});

describe('a service on a multicast DNS that it made itself', () => {
  runConformance({
    test,
    cases: lifecycleCases,
    async world() {
      const port = await freeUdpPort();
      const make = (): Registry => mdnsRegistry({ interface: '127.0.0.1', port });
      return lifecycleWorld(
        () => serviceOf({ registry: renewedRegistry('mdns', make) }),
        (service) => service,
      );
    },
  });
});

test('what was asked for last holds, whatever was still under way', async () => {
  const service = serviceOf();
  const all = [service.start(), service.stop(), service.start(), service.stop()];
  await Promise.allSettled(all);
  expect(service.server.status).toBe('stopped');
  await Promise.allSettled([service.stop(), service.start(), service.stop(), service.start()]);
  expect(service.server.status).toBe('running');
  expect(await answers(service)).toBe(true);
  await service.stop();
});

test('hooks run in their order, once for each start and each stop', async () => {
  const events: string[] = [];
  const note = (what: string) => () => void events.push(what);
  const service = serviceOf({
    hooks: {
      beforeStart: [note('before start 1'), note('before start 2')],
      afterStart: [note('after start')],
      beforeStop: [note('before stop')],
      afterDrain: [note('after drain')],
      afterStop: [note('after stop')],
    },
  });
  await service.stop();
  await service.start();
  await service.start();
  await Promise.all([service.stop(), service.stop()]);
  await service.stop();
  expect(events).toEqual([
    'before start 1',
    'before start 2',
    'after start',
    'before stop',
    'after drain',
    'after stop',
  ]);
});

test('a stop goes through to the end and then throws what went wrong in it', async () => {
  const events: string[] = [];
  const registry = memoryRegistry();
  const service = serviceOf({
    registry: {
      ...registry,
      async close() {
        throw new Error('the registry cannot close');
      },
    },
    hooks: {
      beforeStop: [
        () => {
          throw new Error('no');
        },
        () => void events.push('the second one'),
      ],
      afterStop: [() => void events.push('after')],
    },
  });
  await service.start();
  const { address } = service.server;
  await expect(service.stop()).rejects.toMatchObject({
    errors: [{ message: 'no' }, { message: 'the registry cannot close' }],
  });
  expect(events).toEqual(['the second one', 'after']);
  expect(service.server.status).toBe('stopped');
  expect(await registry.getService('greeter')).toEqual([]);
  await portIsFree(address);
});

test('await using stops a service at the end of its block', async () => {
  let address: string | undefined;
  let outer: Service;
  {
    await using service = serviceOf();
    await service.start();
    outer = service;
    address = service.server.address;
    expect(await answers(service)).toBe(true);
  }
  expect(outer.server.status).toBe('stopped');
  await portIsFree(address);
});

describe('a start that fails leaves nothing behind', () => {
  test('when its port is taken, and works once the port is free', async () => {
    const blocker = createServer();
    await new Promise<void>((resolve) => blocker.listen(0, '127.0.0.1', resolve));
    const bound = blocker.address();
    const port = typeof bound === 'object' && bound !== null ? bound.port : 0;
    const registry = memoryRegistry();
    const service = serviceOf({ registry, server: { address: `127.0.0.1:${port}` } });
    await expect(service.start()).rejects.toMatchObject({
      code: 409,
      detail: expect.stringContaining(`127.0.0.1:${port}`),
    });
    expect(service.server.status).toBe('stopped');
    expect(await registry.listServices()).toEqual([]);
    await new Promise((resolve) => blocker.close(resolve));
    await eventually(() => expect(resources()).toEqual([]), { timeoutMs: 10_000 });
    await service.start();
    expect(await answers(service)).toBe(true);
    await service.stop();
  });

  test.each(['beforeStart', 'afterStart'] as const)('when a %s hook throws', async (hook) => {
    const registry = memoryRegistry();
    const closed: string[] = [];
    const inner = httpTransport();
    let fail = true;
    let stops = 0;
    const service = serviceOf({
      registry,
      transport: {
        ...inner,
        async close() {
          closed.push('transport');
          await inner.close();
        },
      },
      hooks: {
        [hook]: [
          () => {
            if (fail) throw new Error('no such luck');
          },
        ],
        beforeStop: [() => void stops++],
      },
    });
    await expect(service.start()).rejects.toThrow('no such luck');
    expect(service.server.status).toBe('stopped');
    expect(service.server.address).toBeUndefined();
    expect(await registry.listServices()).toEqual([]);
    expect(closed).toEqual(['transport']);
    await eventually(() => expect(resources()).toEqual([]), { timeoutMs: 10_000 });
    fail = false;
    await service.start();
    expect(await answers(service)).toBe(true);
    await service.stop();
    expect(stops).toBe(1);
    await eventually(() => expect(resources()).toEqual([]), { timeoutMs: 10_000 });
  });
});

describe('a registry that hangs', () => {
  test('does not keep a service from being stopped while it starts', async () => {
    const service = serviceOf({ registry: { ...memoryRegistry(), register: () => new Promise(() => {}) } });
    const starting = service.start();
    const outcome = starting.catch((error: unknown) => error);
    await eventually(() => expect(service.server.status).toBe('starting'));
    await within('the stop', service.stop(), 4_000);
    expect(await outcome).toMatchObject({ code: 499, detail: 'greeter was stopped while it started' });
    expect(service.server.status).toBe('stopped');
  });

  test('makes a stop longer by no more than the deadline of a call, which is told to the log', async () => {
    const { logger, lines } = recordingLogger();
    const registry = { ...memoryRegistry(), deregister: () => new Promise<void>(() => {}) };
    const service = serviceOf({ registry, logger });
    await service.start();
    await within('the stop', service.stop(), 12_000);
    expect(service.server.status).toBe('stopped');
    expect(lines.filter(({ level }) => level === 'warn').map(({ text }) => text)).toEqual([
      expect.stringContaining('deregistering from memory took longer than 5000 ms'),
    ]);
    await eventually(() => expect(resources()).toEqual([]), { timeoutMs: 10_000 });
  }, 30_000);
});

describe('a script that only calls ends by itself', () => {
  test.each([
    ['after it stopped its service', 'stop'],
    ['though it never stopped its service', 'leave'],
    ['though it never stopped its service, which spoke HTTP/1.1', 'http'],
    ['though it never stopped its service, which watches a multicast DNS', 'mdns'],
  ])('%s', async (_, how) => {
    const port = await freeUdpPort();
    await using world = createWorld();
    await using processes = children();
    const registry = mdnsRegistry({ interface: '127.0.0.1', port });
    const service = await world.start({ registry }, ({ server }) =>
      server.handle('Greeter', { hello: ({ name }: { name: string }) => ({ msg: `Hello ${name}` }) }),
    );
    const script = processes.start('client-only.mjs', service.server.address ?? '', String(port), how);
    expect(await told(script)).toEqual({ msg: 'Hello John' });
    expect(await within('the end of the script', stopped(script), 10_000)).toBe(0);
  });
});

/** What keeps this process alive, but for what the test runner may be doing at the moment. */
function resources(): string[] {
  return process
    .getActiveResourcesInfo()
    .filter((name) => /TCP|UDP|Timeout|Interval/.test(name))
    .sort();
}

async function portIsFree(address: string | undefined): Promise<void> {
  const port = Number(address?.slice(address.lastIndexOf(':') + 1));
  expect(port).toBeGreaterThan(0);
  const probe = createServer();
  await new Promise<void>((resolve, reject) => probe.once('error', reject).listen(port, '127.0.0.1', resolve));
  await new Promise((resolve) => probe.close(resolve));
}
