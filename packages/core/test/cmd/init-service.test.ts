import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { noopAuth } from '../../src/auth/noop-auth.ts';
import { initService } from '../../src/cmd/init-service.ts';
import { eventually } from '../../src/conformance/eventually.ts';
import type { Registry, ServiceRecord } from '../../src/contract/registry.ts';
import { memoryTracer } from '../../src/debug/memory-tracer.ts';
import { silentLogger } from '../../src/logger/silent-logger.ts';
import { noopProfile } from '../../src/profile/noop-profile.ts';
import { mdnsRegistry } from '../../src/registry/mdns-registry.ts';
import { memoryRegistry } from '../../src/registry/memory-registry.ts';
import { registrySelector } from '../../src/selector/registry-selector.ts';
import { memoryStore } from '../../src/store/memory-store.ts';
import { httpTransport } from '../../src/transport/http-transport.ts';
import { memoryTransport } from '../../src/transport/memory-transport.ts';
import { actionRecorder, createInitWorld } from './init-world.ts';

/** A memory registry that tells with which ttl it was asked to register what. */
function spyRegistry(): Registry & { readonly seen: { record: ServiceRecord; ttlMs: number | undefined }[] } {
  const inner = memoryRegistry();
  const seen: { record: ServiceRecord; ttlMs: number | undefined }[] = [];
  return {
    ...inner,
    seen,
    async register(record, options) {
      seen.push({ record, ttlMs: options?.ttlMs });
      await inner.register(record, options);
    },
  };
}

describe('what nobody said changes nothing', () => {
  test('the options of the code stand', async () => {
    await using world = createInitWorld();
    const registry = spyRegistry();
    const transport = memoryTransport();
    const service = await world.init([], {
      version: '3',
      id: 'one',
      registry,
      transport,
      metadata: { zone: 'a' },
      server: { registerTtlMs: 10_000, registerIntervalMs: 3_000 },
    });
    await service.start();
    expect(service).toMatchObject({ name: 'greeter', version: '3' });
    expect(service.components).toMatchObject({ registry, transport, store: undefined, auth: undefined });
    expect(registry.seen[0]).toMatchObject({
      ttlMs: 10_000,
      record: { version: '3', nodes: [{ id: 'greeter-one', metadata: { zone: 'a' } }] },
    });
  });

  test("core's defaults stand where the code says nothing either", async () => {
    await using world = createInitWorld();
    const { components } = await world.init([]);
    expect(components.registry.name).toBe('mdns');
    expect(components.transport.name).toBe('http');
    expect(components.broker.name).toBe('http');
    expect(components.selector.name).toBe('registry');
  });
});

describe('--server_… and --register_…', () => {
  test('say what the registry is told, over what the code says', async () => {
    await using world = createInitWorld();
    const registry = spyRegistry();
    const service = await world.init(
      [
        '--server_name=hello',
        '--server_version=2.0',
        '--server_id=seven',
        '--server_address=127.0.0.1:0',
        '--server_advertise=10.0.0.1:8080',
        '--server_metadata=zone=b,rack',
        '--register_ttl=45',
        '--register_interval=1',
      ],
      {
        name: 'greeter',
        version: '1',
        id: 'one',
        registry,
        metadata: { zone: 'a', old: 'yes' },
        server: { address: '127.0.0.1:1', advertise: 'nowhere', registerTtlMs: 1, registerIntervalMs: 0 },
      },
    );
    await service.start();
    expect(service).toMatchObject({ name: 'hello', version: '2.0' });
    expect(service.server.address).toMatch(/^127\.0\.0\.1:\d+$/);
    const [first] = registry.seen;
    expect(first).toMatchObject({ ttlMs: 45_000, record: { name: 'hello', version: '2.0' } });
    expect(first?.record.nodes[0]).toMatchObject({ id: 'hello-seven', address: '10.0.0.1:8080' });
    expect(first?.record.nodes[0]?.metadata).toMatchObject({ zone: 'b', rack: '' });
    // As in go-micro, metadata of the flags takes the place of the code's.
    expect(first?.record.nodes[0]?.metadata).not.toHaveProperty('old');
    await eventually(() => expect(registry.seen.length).toBeGreaterThan(1), { timeoutMs: 30_000 });
  });

  test('--server_name is enough of a name, and without any there is an error', async () => {
    await using world = createInitWorld();
    const service = await initService({ logger: silentLogger() }, { argv: ['--server_name=x'], env: {} });
    expect(service.name).toBe('x');
    await service.stop();
    expect(await world.failure([], { name: undefined })).toMatchObject({ code: 400 });
  });
});

describe('--client_…', () => {
  test('--client_request_timeout is how long a call may take', async () => {
    await using world = createInitWorld();
    const service = await world.init(['--client_request_timeout=40ms'], {
      registry: memoryRegistry(),
      client: { timeoutMs: 60_000 },
      // Nobody waits for the handler at the end.
      server: { drainMs: 1 },
    });
    service.server.handle('Greeter', { hang: () => new Promise(() => {}) });
    await service.start();
    await expect(service.client.call({ service: 'greeter', endpoint: 'Greeter.Hang' })).rejects.toMatchObject({
      code: 408,
      detail: expect.stringContaining('of 40 ms'),
    });
  }, 60_000);

  test('--client_retries is how often a failed attempt is repeated', async () => {
    for (const [flags, runs] of [
      [['--client_retries=2'], 3],
      [['--client_retries=0'], 1],
      [[], 6],
    ] as const) {
      await using world = createInitWorld();
      let ran = 0;
      const service = await world.init(flags, {
        registry: memoryRegistry(),
        client: { retries: 5, retry: () => true, backoff: () => 0 },
      });
      service.server.handle('Greeter', {
        fail() {
          ran += 1;
          throw new Error('no luck');
        },
      });
      await service.start();
      await expect(service.client.call({ service: 'greeter', endpoint: 'Greeter.Fail' })).rejects.toThrow('no luck');
      expect(ran).toBe(runs);
    }
  });

  test('--client_pool_size and --client_pool_ttl say which connections are used again', async () => {
    const peers = async (...flags: string[]): Promise<number> => {
      await using world = createInitWorld();
      const service = await world.init(flags, { registry: memoryRegistry() });
      service.server.handle('Greeter', { who: (_request: unknown, ctx) => ({ peer: ctx.peer?.address }) });
      await service.start();
      const { address = '' } = service.server;
      const seen = new Set<unknown>();
      for (let calls = 0; calls < 3; calls++) {
        // An address says nothing of frames, so these are pooled connections.
        const answer = await service.client.call({ service: 'greeter', endpoint: 'Greeter.Who' }, { address });
        seen.add((answer as { peer: string }).peer);
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      return seen.size;
    };
    expect(await peers()).toBe(1);
    expect(await peers('--client_pool_size=2', '--client_pool_ttl=1m')).toBe(1);
    expect(await peers('--client_pool_size=0')).toBe(3);
    expect(await peers('--client_pool_ttl=1ms')).toBe(3);
  });
});

describe('flags that name a component', () => {
  test.each([
    ['registry', 'memory', 'memory'],
    ['registry', 'mdns', 'mdns'],
    ['transport', 'memory', 'memory'],
    ['transport', 'http', 'http'],
    ['broker', 'memory', 'memory'],
    ['broker', 'http', 'http'],
    ['selector', 'registry', 'registry'],
    ['store', 'memory', 'memory'],
    ['auth', 'noop', 'noop'],
    ['auth', 'memory', 'memory'],
    ['tracer', 'memory', 'memory'],
    ['config', 'config', 'config'],
    ['runtime', 'local', 'local'],
    ['profile', 'noop', 'noop'],
  ] as const)('--%s=%s chooses it, by variable too', async (kind, value, name) => {
    await using world = createInitWorld();
    const byFlag = await world.init([`--${kind}=${value}`]);
    expect(byFlag.components[kind]?.name).toBe(name);
    const env = { [kind === 'profile' ? 'MICRO_DEBUG_PROFILE' : `MICRO_${kind.toUpperCase()}`]: value };
    const byVariable = await world.init([], {}, { env });
    expect(byVariable.components[kind]?.name).toBe(name);
    const both = await world.init([`--${kind}=${value}`], {}, { env: { [`MICRO_${kind.toUpperCase()}`]: 'nonsense' } });
    expect(both.components[kind]?.name).toBe(name);
  });

  test.each(['registry', 'transport', 'broker', 'selector', 'store', 'auth', 'runtime', 'tracer', 'profile', 'config'])(
    '--%s with a name that nobody knows is an error that lists those there are',
    async (kind) => {
      await using world = createInitWorld();
      const { code, detail } = await world.failure([`--${kind}=nonsense`], {}, { project: tmpdir() });
      expect(code).toBe(404);
      expect(detail).toContain(`unknown ${kind} "nonsense"`);
      expect(detail).toContain(`@micro/${kind}-nonsense`);
      if (kind === 'registry') expect(detail).toContain('core has mdns, memory');
    },
  );

  test('--client and --server know mucp', async () => {
    await using world = createInitWorld();
    expect((await world.init(['--client=mucp', '--server=mucp'])).client.name).toBe('mucp');
    expect(await world.failure(['--client=grpc'])).toMatchObject({
      code: 404,
      detail: 'unknown client "grpc": core has mucp',
    });
    expect((await world.failure(['--server=grpc'])).detail).toBe('unknown server "grpc": core has mucp');
  });

  test('win over the code, unless they name what the code has already', async () => {
    await using world = createInitWorld();
    const given = {
      registry: mdnsRegistry({ interface: '127.0.0.1', port: 45_399 }),
      transport: httpTransport({ frames: false }),
      selector: registrySelector({ registry: memoryRegistry() }),
      store: memoryStore(),
      auth: noopAuth(),
      tracer: memoryTracer(),
      profile: noopProfile(),
    };
    const same = await world.init(
      [
        '--registry=mdns',
        '--transport=http',
        '--selector=registry',
        '--store=memory',
        '--auth=noop',
        '--tracer=memory',
      ],
      given,
    );
    expect(same.components).toMatchObject(given);
    const other = await world.init(['--registry=memory', '--transport=memory', '--auth=memory'], given);
    expect(other.components.registry.name).toBe('memory');
    expect(other.components.transport.name).toBe('memory');
    expect(other.components.auth?.name).toBe('memory');
    expect(other.components.store).toBe(given.store);
  });

  test('a service works with what they chose', async () => {
    await using world = createInitWorld();
    const service = await world.init([
      '--registry=memory',
      '--transport=memory',
      '--broker=memory',
      '--store=memory',
      '--tracer=memory',
      '--profile=noop',
    ]);
    const heard: unknown[] = [];
    service.server.subscribe('greetings', (message) => heard.push(message));
    service.server.handle('Greeter', { hello: ({ name }: { name: string }) => ({ msg: `Hello ${name}` }) });
    await service.start();
    const call = { service: 'greeter', endpoint: 'Greeter.Hello', body: { name: 'John' } };
    expect(await service.client.call(call)).toEqual({ msg: 'Hello John' });
    await service.client.publish('greetings', { hello: 'all' });
    await eventually(() => expect(heard).toEqual([{ hello: 'all' }]), { timeoutMs: 20_000 });
    expect(service.components.tracer?.read().map(({ kind }) => kind)).toEqual(['inbound', 'outbound']);
  });
});

describe('flags about a component', () => {
  test('--registry_address is an interface and a port for mdns, and makes services meet', async () => {
    await using world = createInitWorld();
    const port = 40_000 + Math.floor(Math.random() * 5_000);
    const flags = [`--registry_address=127.0.0.1:${port}`];
    const service = await world.init(flags);
    service.server.handle('Greeter', { hello: () => ({ msg: 'Hello' }) });
    await service.start();
    const caller = await world.init([], { name: 'caller' }, { env: { MICRO_REGISTRY_ADDRESS: `127.0.0.1:${port}` } });
    await eventually(
      async () =>
        expect(await caller.client.call({ service: 'greeter', endpoint: 'Greeter.Hello' })).toEqual({ msg: 'Hello' }),
      { timeoutMs: 30_000 },
    );
    const stranger = await world.init([`--registry_address=127.0.0.1:${port + 1}`], { name: 'stranger' });
    await expect(stranger.client.call({ service: 'greeter', endpoint: 'Greeter.Hello' })).rejects.toMatchObject({
      code: 404,
    });
  }, 90_000);

  test('--broker_address is where subscribers listen', async () => {
    await using world = createInitWorld();
    const service = await world.init(['--broker_address=127.0.0.1:0'], { registry: memoryRegistry() });
    const heard: unknown[] = [];
    service.server.subscribe('greetings', (message) => heard.push(message));
    await service.start();
    expect(service.components.broker.address).toMatch(/^127\.0\.0\.1:\d+$/);
    await service.client.publish('greetings', { n: 1 });
    await eventually(() => expect(heard).toEqual([{ n: 1 }]), { timeoutMs: 20_000 });
  });

  test('--store_database and --store_table are where records are kept, and --store_address the folder of a file store', async () => {
    await using world = createInitWorld();
    const value = new Uint8Array([1]);
    const memory = (await world.init(['--store_database=d', '--store_table=t'])).components.store;
    await memory?.write({ key: 'a', value });
    expect(await memory?.read('a', { database: 'd', table: 't' })).toHaveLength(1);
    expect(await memory?.read('a', { database: 'd', table: 'other' })).toEqual([]);

    const folder = await mkdtemp(join(tmpdir(), 'micro-cmd-'));
    try {
      const service = await world.init(['--store=file', `--store_address=${folder}`, '--store_table=t']);
      await service.components.store?.write({ key: 'a', value });
      await service.stop();
      const again = await world.init(['--store=file'], {}, { env: { MICRO_STORE_ADDRESS: folder } });
      expect(await again.components.store?.read('a', { table: 't' })).toHaveLength(1);
      await again.stop();
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });

  test('--auth_namespace is who issues accounts', async () => {
    await using world = createInitWorld();
    const { components } = await world.init(['--auth=noop', '--auth_namespace=acme', '--auth_id=x', '--auth_secret=y']);
    expect((await components.auth?.generate('me'))?.issuer).toBe('acme');
  });

  test.each([
    ['--registry=memory --registry_address=a:1', '--registry_address means nothing to the registry "memory"'],
    ['--transport_address=a:1', '--transport_address means nothing to the transport "http"'],
    ['--transport=memory --client_pool_size=3', '--client_pool_size means nothing to the transport "memory"'],
    ['--broker=memory --broker_address=a:1', '--broker_address means nothing to the broker "memory"'],
    ['--store_address=/x', '--store_address means nothing to the store "memory"'],
    ['--store=file', '--store=file needs --store_address'],
    ['--store=file --store_address=/a,/b', '--store_address names several folders'],
    ['--registry_address=a:1,b:2', '--registry_address names 2 ports'],
    ['--registry_address=:::x', '--registry_address has ":::x", which is no address'],
    ['--broker_address=a:1,b:2', '--broker_address names 2 addresses'],
    ['--auth_id=me', '--auth_id says something about a auth'],
    ['--auth=memory --auth_id=me', '--auth_id means nothing to the auth "memory"'],
    ['--runtime_source=git', '--runtime_source says something about a runtime'],
    ['--runtime=local --runtime_source=git', '--runtime_source means nothing to the runtime "local"'],
    ['--tracer_address=a:1', '--tracer_address says something about a tracer'],
    ['--tracer=memory --tracer_address=a:1', '--tracer_address means nothing to the tracer "memory"'],
  ])('%s is refused rather than ignored', async (flags, detail) => {
    await using world = createInitWorld();
    const error = await world.failure(flags.split(' '));
    expect(error.code).toBe(400);
    expect(error.detail).toContain(detail);
  });

  test('cannot change what the code has made, and say so', async () => {
    await using world = createInitWorld();
    const { detail } = await world.failure(['--registry_address=a:1'], { registry: memoryRegistry() });
    expect(detail).toBe(
      '--registry_address cannot change the registry "memory" that the code has made: name one with --registry too, or give initService a function of the flags',
    );
  });
});

test('a function of the flags gets them, and the components they chose, and makes what it likes of them', async () => {
  const service = await initService(
    ({ flags, auth = noopAuth(), store }) => ({
      name: 'greeter',
      logger: silentLogger(),
      auth,
      store: store ?? memoryStore(),
      registry: memoryRegistry(),
      metadata: { asked: String(flags.registry_address), auth: auth.name },
    }),
    { argv: ['--auth=memory', '--server_name=hello'], env: {} },
  );
  expect(service.name).toBe('hello');
  expect(service.components.auth?.name).toBe('memory');
  expect(service.components.store?.name).toBe('memory');
  await service.stop();
});

test('the action gets all flags when the service is made and not yet started, and its failure is thrown', async () => {
  await using world = createInitWorld();
  const recorder = actionRecorder();
  const flags = [{ name: 'port', description: 'a port', type: 'number', default: 80 }] as const;
  const service = await world.init(['--port=81', '--registry=memory'], {}, { flags, action: recorder.action });
  expect({ ...recorder.seen[0] }).toEqual({ port: 81, registry: 'memory' });
  expect(service.server.status).toBe('stopped');
  await world.init([], {}, { flags, action: recorder.action });
  expect(recorder.seen[1]?.port).toBe(80);
  const closed: string[] = [];
  const store = memoryStore();
  const spied = { ...store, close: async () => void closed.push('store') };
  await expect(
    world.init(
      [],
      { store: spied },
      {
        action() {
          throw new Error('not today');
        },
      },
    ),
  ).rejects.toThrow('not today');
  expect(closed).toEqual(['store']);
});

test('MICRO_LOG_LEVEL and --log_level are the level of the default logger', async () => {
  for (const [argv, env, enabled, disabled] of [
    [[], { MICRO_LOG_LEVEL: 'warn' }, 'warn', 'info'],
    [['--log_level=trace'], { MICRO_LOG_LEVEL: 'warn' }, 'trace', undefined],
    [[], {}, 'info', 'debug'],
  ] as const) {
    const service = await initService({ name: 'greeter' }, { argv, env });
    const { logger } = service.components;
    expect(logger.enabled(enabled)).toBe(true);
    if (disabled !== undefined) expect(logger.enabled(disabled)).toBe(false);
    await service.stop();
  }
});

test('what the service holds is closed when it stops', async () => {
  const closed: string[] = [];
  const note = (name: string) => async () => void closed.push(name);
  const service = await initService(
    {
      name: 'greeter',
      logger: silentLogger(),
      registry: memoryRegistry(),
      transport: memoryTransport(),
      store: { ...memoryStore(), close: note('store') },
      tracer: { ...memoryTracer(), close: note('tracer') },
    },
    { argv: [], env: {} },
  );
  await service.start();
  await service.stop();
  expect(closed).toEqual(['tracer', 'store']);
});

test('--help ends the program before anything is made', async () => {
  let text = '';
  const codes: number[] = [];
  const made = initService(
    () => {
      throw new Error('it was made');
    },
    { argv: ['--help'], env: {}, write: (help) => (text += help), exit: (code) => codes.push(code) },
  );
  await expect(made).rejects.toMatchObject({ code: 499 });
  expect(codes).toEqual([0]);
  expect(text).toContain('--registry_address');
});
