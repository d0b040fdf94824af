import { freeUdpPort } from '@micro/test-servers';
import { describe, expect, test } from 'vitest';
import { eventually, within } from '../../src/conformance/eventually.ts';
import type { Registry, ServiceRecord } from '../../src/contract/registry.ts';
import type { Service } from '../../src/contract/service.ts';
import { CODE } from '../../src/error/code.ts';
import { MicroError } from '../../src/error/micro-error.ts';
import { silentLogger } from '../../src/logger/silent-logger.ts';
import { mdnsRegistry } from '../../src/registry/mdns-registry.ts';
import { memoryRegistry } from '../../src/registry/memory-registry.ts';
import { createService } from '../../src/service/create-service.ts';
import { recordingLogger } from './recording-logger.ts';
import { createWorld } from './world.ts';

/** A registry that can be lost, and that counts what it is asked. */
function shaky() {
  const inner = memoryRegistry();
  const state = { down: false, hangs: false, registered: 0, deregistered: 0 };
  const answer = async <T>(run: () => Promise<T>): Promise<T> => {
    if (state.hangs) await new Promise(() => {});
    if (state.down) throw new MicroError({ code: CODE.unavailable, detail: 'the registry is away' });
    return run();
  };
  const registry: Registry = {
    ...inner,
    register(record, options) {
      state.registered += 1;
      return answer(() => inner.register(record, options));
    },
    deregister(record, options) {
      state.deregistered += 1;
      return answer(() => inner.deregister(record, options));
    },
  };
  return { registry, inner, state };
}

const serve = ({ server }: Service): void => server.handle('Greeter', { hello: () => ({}) });

async function found(registry: Registry): Promise<readonly ServiceRecord[]> {
  return registry.getService('greeter');
}

const registered = (registry: Registry, nodes = 1) =>
  eventually(
    async () => {
      const records = await found(registry);
      expect(records.flatMap((record) => record.nodes)).toHaveLength(nodes);
      return records;
    },
    { timeoutMs: 10_000 },
  );

test('a service is registered with what others need to know to call it', async () => {
  await using world = createWorld();
  const service = await world.start({ version: '1.2.3', id: 'one', metadata: { zone: 'a', protocol: 'mine' } }, serve);
  const [record] = await registered(world.registry);
  expect(record).toMatchObject({
    name: 'greeter',
    version: '1.2.3',
    endpoints: [{ name: 'Greeter.Hello' }],
    nodes: [
      {
        id: 'greeter-one',
        address: service.server.address,
        metadata: { zone: 'a', protocol: 'mucp', server: 'mucp', transport: 'http', registry: 'memory', frames: '1' },
      },
    ],
  });
  await service.stop();
  expect(await found(world.registry)).toEqual([]);
});

test('a registry that is away at the start does not keep the service from starting, and gets it once it is back', async () => {
  await using world = createWorld();
  const { registry, inner, state } = shaky();
  const { logger, lines } = recordingLogger();
  state.down = true;
  const service = await world.start({ registry, logger }, serve);
  expect(service.server.status).toBe('running');
  expect(state.registered).toBe(3);
  expect(await found(inner)).toEqual([]);
  state.down = false;
  await registered(inner);
  const transitions = lines.filter(({ text }) => text.startsWith('registration:')).map(({ text }) => text);
  expect(transitions).toEqual(['registration: lost', 'registration: registered']);
  await service.stop();
});

test('a record that was deleted behind the service’s back is back with the next renewal', async () => {
  await using world = createWorld();
  const { registry, inner } = shaky();
  await world.start({ registry, server: { registerIntervalMs: 30 } }, serve);
  const records = await registered(inner);
  for (let times = 0; times < 3; times++) {
    for (const record of records) await inner.deregister(record);
    await registered(inner);
  }
});

test('a registry that is lost for a while is told again, and the log says so once', async () => {
  await using world = createWorld();
  const { registry, inner, state } = shaky();
  const { logger, lines } = recordingLogger();
  await world.start({ registry, logger, server: { registerIntervalMs: 20 } }, serve);
  const records = await registered(inner);
  state.down = true;
  const before = state.registered;
  await eventually(() => expect(state.registered).toBeGreaterThan(before + 2));
  for (const record of records) await inner.deregister(record);
  state.down = false;
  await registered(inner);
  await eventually(() =>
    expect(lines.filter(({ text }) => text.startsWith('registration:')).map(({ text }) => text)).toEqual([
      'registration: registered',
      'registration: lost',
      'registration: registered',
    ]),
  );
});

test('a record ends with its ttl when nobody renews it any more', async () => {
  await using world = createWorld();
  const { registry, inner } = shaky();
  await world.start({ registry, server: { registerTtlMs: 150, registerIntervalMs: 0 } }, serve);
  await eventually(async () => expect(await found(inner)).toEqual([]), { timeoutMs: 10_000 });
});

test.each([
  ['says no', () => false],
  [
    'throws',
    () => {
      throw new Error('not warm yet');
    },
  ],
  ['rejects', async () => Promise.reject(new Error('not warm yet'))],
])('a check that %s keeps the service out of the registry until it passes, and takes it out again', async (_, no) => {
  await using world = createWorld();
  const { registry, inner, state } = shaky();
  let ready = false;
  const registerCheck = (): unknown => (ready ? true : no());
  const service = await world.start({ registry, server: { registerCheck, registerIntervalMs: 20 } }, serve);
  expect(service.server.status).toBe('running');
  expect(state.registered).toBe(0);
  ready = true;
  await registered(inner);
  ready = false;
  await registered(inner, 0);
  ready = true;
  await registered(inner);
  await service.stop();
  expect(await found(inner)).toEqual([]);
});

describe('stopping', () => {
  test('takes out what may have been registered though the registry did not say so', async () => {
    await using world = createWorld();
    const inner = memoryRegistry();
    const registry: Registry = {
      ...inner,
      async register(record, options) {
        await inner.register(record, options);
        throw new Error('the answer was lost');
      },
    };
    const service = await world.start({ registry }, serve);
    await registered(inner);
    await service.stop();
    expect(await found(inner)).toEqual([]);
  });

  test('ends the renewals, and asks a registry that is away once', async () => {
    await using world = createWorld();
    const { registry, inner, state } = shaky();
    const service = await world.start({ registry, server: { registerIntervalMs: 10 } }, serve);
    await registered(inner);
    state.down = true;
    await within('the stop', service.stop());
    expect(state.deregistered).toBe(1);
    const after = state.registered;
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(state.registered).toBe(after);
  });

  test('does not wait for a renewal that hangs', async () => {
    await using world = createWorld();
    const { registry, inner, state } = shaky();
    const service = await world.start({ registry, server: { registerIntervalMs: 10 } }, serve);
    await registered(inner);
    const before = state.registered;
    state.hangs = true;
    await eventually(() => expect(state.registered).toBeGreaterThan(before));
    state.hangs = false;
    await within('the stop', service.stop(), 4_000);
    expect(await found(inner)).toEqual([]);
  });
});

test('a record that the registry can never carry fails the start and leaves nothing behind', async () => {
  const service = createService({
    name: 'no such name',
    registry: mdnsRegistry({ interface: '127.0.0.1', port: await freeUdpPort() }),
    logger: silentLogger(),
    server: { address: '127.0.0.1:0' },
  });
  service.server.handle('Greeter', { hello: () => ({}) });
  await expect(service.start()).rejects.toMatchObject({ code: 400, detail: expect.stringContaining('no such name') });
  expect(service.server.status).toBe('stopped');
  expect(service.server.address).toBeUndefined();
  await service.stop();
});
