import assert from 'node:assert/strict';
import type { Node, Registry, RegistryEvent, ServiceRecord } from '../contract/registry.ts';
import { eventually, within } from './eventually.ts';

/** What a registry may be unable to carry. Everything is supported unless it is said to be false. */
export interface RegistrySupport {
  /** The metadata of a service, beside that of its nodes. go-micro's mDNS has no room for it. */
  readonly serviceMetadata?: boolean | undefined;
}

/** One private universe of registries: what one of them registers, the others find. */
export interface RegistryWorld {
  create(): Registry | Promise<Registry>;
  readonly supports?: RegistrySupport | undefined;
  /** Closes every registry that was made. */
  close(): void | Promise<void>;
}

/** The shortest ttl that every backend can keep; etcd counts in whole seconds. */
const TTL_MS = 2_000;

/** The ttl of a node that is renewed: so long that a machine which is busy renews it in time. */
const RENEWED_TTL_MS = 3 * TTL_MS;

/** How long a backend may take to notice that a ttl is over. */
const EXPIRY_MS = 15_000;

/** What every registry has to do. */
export const registryCases: Readonly<Record<string, (world: RegistryWorld) => Promise<void>>> = {
  'an unknown service has no records, which is no error': async (world) => {
    const registry = await world.create();
    assert.deepEqual([...(await registry.getService('nobody'))], []);
    assert.ok(!(await registry.listServices()).includes('nobody'));
  },

  'what was registered is found as it was registered': async (world) => {
    const registry = await world.create();
    const record: ServiceRecord = {
      name: 'greeter',
      version: '1.2.3',
      metadata: {},
      endpoints: [
        {
          name: 'Greeter.Hello',
          request: { name: 'Request', type: 'Request', values: [{ name: 'name', type: 'string', values: [] }] },
          response: { name: 'Response', type: 'Response', values: [] },
          metadata: { stream: 'true' },
        },
      ],
      nodes: [{ id: 'greeter-1', address: '127.0.0.1:4001', metadata: { protocol: 'mucp', zone: 'a' } }],
    };
    await registry.register(record);
    assert.deepEqual(await found(registry, 'greeter', 1), [plain(record)]);
  },

  'an endpoint may say nothing about its messages': async (world) => {
    const registry = await world.create();
    const endpoints = [{ name: 'Greeter.Hello', metadata: {} }];
    await registry.register({ ...greeter(node(1)), endpoints });
    const [record] = await found(registry, 'greeter', 1);
    assert.deepEqual(record?.endpoints, plain({ ...greeter(node(1)), endpoints }).endpoints);
  },

  'the metadata of a service is found': async (world) => {
    if (world.supports?.serviceMetadata === false) return;
    const registry = await world.create();
    await registry.register({ ...greeter(node(1)), metadata: { team: 'greetings' } });
    const [record] = await found(registry, 'greeter', 1);
    assert.deepEqual(record?.metadata, { team: 'greetings' });
  },

  'two registries of one world see each other': async (world) => {
    const [here, there] = [await world.create(), await world.create()];
    await here.register(greeter(node(1)));
    await there.register(greeter(node(2)));
    for (const registry of [here, there]) {
      const [record] = await found(registry, 'greeter', 2);
      assert.deepEqual(ids([record]), ['greeter-1', 'greeter-2']);
    }
  },

  'each version that runs is a record of its own': async (world) => {
    const registry = await world.create();
    await registry.register({ ...greeter(node(1)), version: '1.0.0' });
    await registry.register({ ...greeter(node(2)), version: '2.0.0' });
    const records = await found(registry, 'greeter', 2);
    assert.deepEqual(records.map(({ version, nodes }) => `${version} ${nodes[0]?.id}`).sort(), [
      '1.0.0 greeter-1',
      '2.0.0 greeter-2',
    ]);
  },

  'a node that comes back with another version leaves the one it had': async (world) => {
    const registry = await world.create();
    await registry.register({ ...greeter(node(1)), version: '1.0.0' });
    await found(registry, 'greeter', 1);
    await registry.register({ ...greeter(node(1)), version: '2.0.0' });
    await eventually(async () => {
      const records = await registry.getService('greeter');
      assert.deepEqual(
        records.map(({ version, nodes }) => `${version} ${nodes.length}`),
        ['2.0.0 1'],
      );
    });
  },

  'a node that comes back at another address replaces itself': async (world) => {
    const registry = await world.create();
    await registry.register(greeter(node(1)));
    await found(registry, 'greeter', 1);
    await registry.register(greeter({ ...node(1), address: '127.0.0.1:5001' }));
    await eventually(async () => {
      const [record] = await registry.getService('greeter');
      assert.deepEqual(
        record?.nodes.map(({ address }) => address),
        ['127.0.0.1:5001'],
      );
    });
  },

  'a node that is renewed with other metadata has them': async (world) => {
    const registry = await world.create();
    await registry.register(greeter(node(1, { weight: '1' })));
    await found(registry, 'greeter', 1);
    await registry.register(greeter(node(1, { weight: '2' })));
    await eventually(async () => {
      const [record] = await registry.getService('greeter');
      assert.equal(record?.nodes[0]?.metadata.weight, '2');
    });
  },

  'metadata keeps any text, under any name': async (world) => {
    const registry = await world.create();
    const metadata: Readonly<Record<string, string>> = Object.fromEntries([
      ['empty', ''],
      ['größe', '木 🌳'],
      ['a "quoted" key', 'line\nbreak'],
      ['constructor', 'x'],
      ['__proto__', 'y'],
    ]);
    await registry.register(greeter(node(1, metadata)));
    const [record] = await found(registry, 'greeter', 1);
    assert.deepEqual(Object.entries(record?.nodes[0]?.metadata ?? {}).sort(), Object.entries(metadata).sort());
  },

  'names may have dots, dashes, underscores and capital letters': async (world) => {
    const registry = await world.create();
    const name = 'Go.Micro_srv.greeter-2';
    await registry.register({ ...greeter({ ...node(1), id: `${name}-0a1b` }), name });
    await found(registry, name, 1);
    await eventually(async () => assert.deepEqual([...(await registry.listServices())], [name]));
    assert.deepEqual([...(await registry.getService('greeter-2'))], [], 'a name that ends alike is another service');
    assert.deepEqual([...(await registry.getService(name.toLowerCase()))], [], 'names are told apart by case');
  },

  'services are listed by name, sorted, each one once': async (world) => {
    const registry = await world.create();
    for (const name of ['zebra', 'ant', 'mole'])
      await registry.register({ ...greeter({ ...node(1), id: `${name}-1` }), name });
    await registry.register({ ...greeter({ ...node(2), id: 'ant-2' }), name: 'ant', version: '2.0.0' });
    await eventually(async () => assert.deepEqual([...(await registry.listServices())], ['ant', 'mole', 'zebra']));
  },

  'a deregistered node is gone, and the others stay': async (world) => {
    const registry = await world.create();
    await registry.register(greeter(node(1), node(2)));
    await found(registry, 'greeter', 2);
    await registry.deregister(greeter(node(1)));
    await eventually(async () => assert.deepEqual(ids(await registry.getService('greeter')), ['greeter-2']));
  },

  'a service whose last node is deregistered is unknown': async (world) => {
    const registry = await world.create();
    await registry.register(greeter(node(1)));
    await found(registry, 'greeter', 1);
    await registry.deregister(greeter(node(1)));
    await eventually(async () => {
      assert.deepEqual([...(await registry.getService('greeter'))], []);
      assert.deepEqual([...(await registry.listServices())], []);
    });
  },

  'deregistering what is not there does nothing': async (world) => {
    const registry = await world.create();
    await registry.deregister(greeter(node(7)));
    await registry.register(greeter(node(1)));
    await registry.deregister(greeter(node(7)));
    await found(registry, 'greeter', 1);
  },

  'a deregistered node can come back': async (world) => {
    const registry = await world.create();
    await registry.register(greeter(node(1)));
    await found(registry, 'greeter', 1);
    await registry.deregister(greeter(node(1)));
    await eventually(async () => assert.deepEqual([...(await registry.getService('greeter'))], []));
    await registry.register(greeter(node(1)));
    await found(registry, 'greeter', 1);
  },

  'a record without nodes is refused': async (world) => {
    const registry = await world.create();
    await assert.rejects(registry.register(greeter()), { code: 400 });
  },

  'a node that is not renewed expires': async (world) => {
    const [here, there] = [await world.create(), await world.create()];
    await here.register(greeter(node(2)), { ttlMs: 600_000 });
    // On a machine that is busy its time may be over before it is found.
    await eventually(async () => {
      await here.register(greeter(node(1)), { ttlMs: TTL_MS });
      assert.deepEqual(ids(await there.getService('greeter')), ['greeter-1', 'greeter-2']);
    });
    await eventually(async () => assert.deepEqual(ids(await there.getService('greeter')), ['greeter-2']), {
      timeoutMs: EXPIRY_MS,
      everyMs: 100,
    });
  },

  'a node that is renewed in time stays': async (world) => {
    const [here, there] = [await world.create(), await world.create()];
    const isThere = async (): Promise<void> =>
      assert.deepEqual(ids(await eventually(() => some(there, 'greeter'))), ['greeter-1']);
    const end = performance.now() + 1.5 * RENEWED_TTL_MS;
    do {
      await here.register(greeter(node(1)), { ttlMs: RENEWED_TTL_MS });
      await isThere();
      await new Promise((resolve) => setTimeout(resolve, RENEWED_TTL_MS / 8));
    } while (performance.now() < end);
    await isThere();
  },

  'a watch sees a node come, change and go': async (world) => {
    const [here, there] = [await world.create(), await world.create()];
    const watch = await watching(there, here);
    await here.register(greeter(node(1)));
    const created = await watch.next('create', 'greeter-1');
    assert.deepEqual([created.name, created.version, created.nodes[0]?.address], ['greeter', '1.0.0', node(1).address]);
    await here.register(greeter({ ...node(1), address: '127.0.0.1:5001' }));
    const updated = await watch.next('update', 'greeter-1');
    assert.equal(updated.nodes[0]?.address, '127.0.0.1:5001');
    await here.deregister(greeter({ ...node(1), address: '127.0.0.1:5001' }));
    await watch.next('delete', 'greeter-1');
    await watch.stop();
  },

  'renewing a node that did not change is no event': async (world) => {
    const [here, there] = [await world.create(), await world.create()];
    const watch = await watching(there, here);
    for (let times = 0; times < 3; times++) await here.register(greeter(node(1)), { ttlMs: 60_000 });
    await here.register(greeter(node(2)));
    await watch.next('create', 'greeter-2');
    const about = watch.events.filter(({ service }) => service.nodes.some(({ id }) => id === 'greeter-1'));
    assert.deepEqual(
      about.map(({ action }) => action),
      ['create'],
    );
    await watch.stop();
  },

  'a watch sees a node expire': async (world) => {
    const [here, there] = [await world.create(), await world.create()];
    const watch = await watching(there, here);
    await here.register(greeter(node(1)), { ttlMs: TTL_MS });
    await watch.next('create', 'greeter-1');
    await watch.next('delete', 'greeter-1', EXPIRY_MS);
    await watch.stop();
  },

  'a watch of one service sees no other': async (world) => {
    const [here, there] = [await world.create(), await world.create()];
    const watch = await watching(there, here, 'greeter');
    await here.register({ ...greeter({ ...node(1), id: 'other-1' }), name: 'other' });
    await here.register(greeter(node(1)));
    await watch.next('create', 'greeter-1');
    assert.ok(watch.events.every(({ service }) => service.name === 'greeter'));
    await watch.stop();
  },

  'a watch ends when its signal aborts': async (world) => {
    const registry = await world.create();
    const controller = new AbortController();
    const events = collect(registry.watch({ signal: controller.signal }), []);
    controller.abort();
    await within('the end of the watch', events);
    await within('a watch that never began', collect(registry.watch({ signal: AbortSignal.abort() }), []));
  },

  'a watch ends when its registry is closed': async (world) => {
    const registry = await world.create();
    // It may also fail, saying that the registry cannot go on.
    const events = collect(registry.watch(), []).catch(() => undefined);
    await registry.close();
    await within('the end of the watch', events);
  },

  'a wait ends when its signal aborts': async (world) => {
    const registry = await world.create();
    const signal = AbortSignal.abort();
    const waits: readonly (() => Promise<unknown>)[] = [
      async () => registry.getService('greeter', { signal }),
      () => registry.listServices({ signal }),
      () => registry.register(greeter(node(1)), { signal }),
    ];
    for (const wait of waits) {
      await assert.rejects(within('a wait whose signal has aborted', wait()), { code: 499 });
    }
  },

  'records that were handed out never change': async (world) => {
    const registry = await world.create();
    const mine = { ...node(1), metadata: { weight: '1' } };
    await registry.register(greeter(mine));
    mine.address = '127.0.0.1:6666';
    mine.metadata.weight = '6666';
    const before = await eventually(() => some(registry, 'greeter'));
    const copy = structuredClone(plain(before[0] as ServiceRecord));
    assert.equal(copy.nodes[0]?.address, node(1).address);
    assert.equal(copy.nodes[0]?.metadata.weight, '1');
    await registry.register(greeter(node(2)));
    await found(registry, 'greeter', 2);
    await registry.deregister(greeter(node(1)));
    await eventually(async () => assert.deepEqual(ids(await registry.getService('greeter')), ['greeter-2']));
    assert.deepEqual(plain(before[0] as ServiceRecord), copy);
  },

  'a registry may be closed twice, and before it was used': async (world) => {
    const registry = await world.create();
    await within('close', registry.close());
    await within('the second close', registry.close());
  },
};

function node(number: number, metadata: Readonly<Record<string, string>> = { protocol: 'mucp' }) {
  return { id: `greeter-${number}`, address: `127.0.0.1:${4_000 + number}`, metadata };
}

function greeter(...nodes: Node[]): ServiceRecord {
  return { name: 'greeter', version: '1.0.0', metadata: {}, endpoints: [], nodes };
}

function ids(records: readonly (ServiceRecord | undefined)[]): string[] {
  return records.flatMap((record) => record?.nodes.map(({ id }) => id) ?? []).sort();
}

/** The records of a service, once there are so many nodes of it. */
async function found(registry: Registry, name: string, count: number): Promise<readonly ServiceRecord[]> {
  const records = await eventually(async () => {
    const answer = await registry.getService(name);
    assert.equal(ids(answer).length, count, `${count} nodes of ${name}, not ${ids(answer).join(', ') || 'none'}`);
    return answer;
  });
  return records.map(plain);
}

async function some(registry: Registry, name: string): Promise<readonly ServiceRecord[]> {
  const records = await registry.getService(name);
  assert.ok(records.length > 0, `a node of ${name}`);
  return records;
}

/** A record as an ordinary object, whatever it was made of, its nodes sorted: for comparing. */
function plain(record: ServiceRecord): ServiceRecord {
  const text = JSON.stringify(record, (_, value: unknown) => (value === undefined ? null : value));
  const copy = JSON.parse(text) as ServiceRecord;
  const endpoints = copy.endpoints.map((endpoint) => ({ request: null, response: null, ...endpoint }));
  const nodes = [...copy.nodes].sort((a, b) => (a.id < b.id ? -1 : 1));
  return { ...copy, nodes, endpoints: endpoints as unknown as ServiceRecord['endpoints'] };
}

async function collect(events: AsyncIterable<RegistryEvent>, into: RegistryEvent[]): Promise<void> {
  for await (const event of events) into.push(event);
}

/**
 * A watch that is known to be at work: nodes of another version are registered until one of them is seen, since a watch
 * over a network begins some time after it was asked for. A watch may also report what is there when it begins.
 */
async function watching(registry: Registry, registrar: Registry, service?: string) {
  const controller = new AbortController();
  const events: RegistryEvent[] = [];
  let failure: unknown;
  const over = collect(registry.watch({ service, signal: controller.signal }), events).catch((error: unknown) => {
    failure = error;
  });

  const seen = (action: RegistryEvent['action'], id: string): ServiceRecord | undefined =>
    events.findLast((event) => event.action === action && event.service.nodes.some((node) => node.id === id))?.service;
  const next = (action: RegistryEvent['action'], id: string, timeoutMs = 5_000): Promise<ServiceRecord> =>
    eventually(
      () => {
        if (failure !== undefined) return Promise.reject(failure);
        const record = seen(action, id);
        assert.ok(record !== undefined, `${action} of ${id} among ${JSON.stringify(events)}`);
        return Promise.resolve(record);
      },
      { timeoutMs },
    );

  const probe = (number: number): ServiceRecord => ({
    ...greeter({ ...node(number), id: `greeter-probe-${number}` }),
    version: '0',
  });
  let probes = 0;
  await eventually(async () => {
    await registrar.register(probe(++probes));
    await eventually(() => assert.ok(events.length > 0), { timeoutMs: 300 });
  });
  for (let number = 1; number <= probes; number++) {
    await registrar.deregister(probe(number));
    if (seen('create', `greeter-probe-${number}`)) await next('delete', `greeter-probe-${number}`);
  }

  return {
    events: events as readonly RegistryEvent[],
    next,
    async stop(): Promise<void> {
      controller.abort();
      await within('the end of the watch', over);
    },
  };
}
