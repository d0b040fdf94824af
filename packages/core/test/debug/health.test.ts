import { request } from 'node:http';
import { describe, expect, test } from 'vitest';
import { eventually, within } from '../../src/conformance/eventually.ts';
import type { Registry } from '../../src/contract/registry.ts';
import { memoryRegistry } from '../../src/registry/memory-registry.ts';
import { httpTransport } from '../../src/transport/http-transport.ts';
import { createWorld } from '../service/world.ts';

interface Answer {
  readonly status: number;
  readonly type: string | undefined;
  readonly body: string;
}

/** A plain HTTP request, as a load balancer makes it. */
function ask(address: string | undefined, path: string, method = 'GET'): Promise<Answer> {
  const { hostname: host, port } = new URL(`http://${address}`);
  const asked = new Promise<Answer>((resolve, reject) => {
    request({ host, port, path, method, agent: false }, (response) => {
      let body = '';
      response.setEncoding('utf8');
      response.on('data', (text: string) => {
        body += text;
      });
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, type: response.headers['content-type'], body }),
      );
      response.on('error', reject);
    })
      .on('error', reject)
      .end();
  });
  return within(`${method} ${path}`, asked, 10_000);
}

/** A registry whose register waits, fails or works, as a test says. */
function moodyRegistry(): { registry: Registry; mood: { register: () => Promise<void> } } {
  const inner = memoryRegistry();
  const mood = { register: async () => {} };
  return {
    mood,
    registry: {
      ...inner,
      async register(record, options) {
        await mood.register();
        await inner.register(record, options);
      },
    },
  };
}

describe('a running service', () => {
  test('says over plain HTTP that it is alive and ready, to GET and HEAD, in JSON', async () => {
    await using world = createWorld();
    const { server } = await world.start({}, () => {});
    const ok = { status: 200, type: 'application/json', body: '{"status":"ok"}' };
    expect(await ask(server.address, '/health/live')).toEqual(ok);
    expect(await ask(server.address, '/health/ready')).toEqual(ok);
    expect(await ask(server.address, '/health/ready?verbose=1')).toEqual(ok);
    expect(await ask(server.address, '/health/ready', 'HEAD')).toEqual({ ...ok, body: '' });
    expect(await ask(server.address, '/health/live', 'HEAD')).toEqual({ ...ok, body: '' });
  });

  test('answers other paths and methods as before', async () => {
    await using world = createWorld();
    const { server } = await world.start({}, () => {});
    expect((await ask(server.address, '/')).status).toBe(404);
    expect((await ask(server.address, '/health')).status).toBe(404);
    expect((await ask(server.address, '/health/live/')).status).toBe(404);
    expect((await ask(server.address, '/health/live', 'POST')).status).toBe(400);
    expect((await ask(server.address, '/health/live', 'DELETE')).status).toBe(405);
  });

  test('answers on one connection one request after the other', async () => {
    await using world = createWorld();
    const { server } = await world.start({}, () => {});
    const response = await fetch(`http://${server.address}/health/live`);
    expect(response.headers.get('cache-control')).toBe('no-store');
    expect(await response.json()).toEqual({ status: 'ok' });
    expect(await (await fetch(`http://${server.address}/health/ready`)).json()).toEqual({ status: 'ok' });
  });

  test('does not answer the health paths when that is turned off', async () => {
    await using world = createWorld();
    const { server } = await world.start({ debug: { health: false } }, () => {});
    expect((await ask(server.address, '/health/live')).status).toBe(404);
  });

  test('answers them with HTTP/1.1 alone too', async () => {
    await using world = createWorld(() => httpTransport({ frames: false }));
    const { server } = await world.start({}, () => {});
    expect((await ask(server.address, '/health/ready')).status).toBe(200);
  });
});

test('a service is alive but not ready while it starts, and ready once it is registered', async () => {
  await using world = createWorld();
  const { registry, mood } = moodyRegistry();
  let go: () => void = () => {};
  const held = new Promise<void>((resolve) => {
    go = resolve;
  });
  mood.register = () => held;
  let address: () => string | undefined = () => undefined;
  const starting = world.start({ registry }, (service) => {
    address = () => service.server.address;
  });
  await eventually(() => expect(address()).toBeDefined(), { timeoutMs: 10_000 });
  expect((await ask(address(), '/health/live')).status).toBe(200);
  expect(await ask(address(), '/health/ready')).toMatchObject({ status: 503, body: '{"status":"starting"}' });
  go();
  await starting;
  expect((await ask(address(), '/health/ready')).status).toBe(200);
});

test('a service that cannot be registered is not ready, and says why, also to Debug.Health', async () => {
  await using world = createWorld();
  const { registry, mood } = moodyRegistry();
  const service = await world.start({ registry, server: { registerIntervalMs: 50 } }, () => {});
  const { address } = service.server;
  expect((await ask(address, '/health/ready')).status).toBe(200);
  mood.register = async () => {
    throw new Error('registry down');
  };
  await eventually(
    async () =>
      expect(await ask(address, '/health/ready')).toMatchObject({
        status: 503,
        body: '{"status":"registration lost"}',
      }),
    { timeoutMs: 15_000 },
  );
  expect((await ask(address, '/health/live')).status).toBe(200);
  expect(
    await service.client.call({ service: 'greeter', endpoint: 'Debug.Health' }, { address: address ?? '' }),
  ).toEqual({ status: 'registration lost' });
  mood.register = async () => {};
  await eventually(async () => expect((await ask(address, '/health/ready')).status).toBe(200), { timeoutMs: 15_000 });
});

test('a service whose register check says no is alive and not ready', async () => {
  await using world = createWorld();
  const { server } = await world.start({ server: { registerCheck: () => false } }, () => {});
  expect((await ask(server.address, '/health/live')).status).toBe(200);
  expect(await ask(server.address, '/health/ready')).toMatchObject({
    status: 503,
    body: '{"status":"registration withheld"}',
  });
});

test('a service that drains is alive and not ready until its last call has finished', async () => {
  await using world = createWorld();
  let finish: () => void = () => {};
  const held = new Promise<void>((resolve) => {
    finish = resolve;
  });
  let begun = false;
  const service = await world.start({}, ({ server }) =>
    server.handle('Greeter', {
      async slow() {
        begun = true;
        await held;
        return { msg: 'done' };
      },
    }),
  );
  const { address } = service.server;
  const call = world.caller().client.call({ service: 'greeter', endpoint: 'Greeter.Slow' }, { timeoutMs: 30_000 });
  await eventually(() => expect(begun).toBe(true), { timeoutMs: 10_000 });
  const stopping = service.stop();
  await eventually(async () => expect(await ask(address, '/health/ready')).toMatchObject({ status: 503 }), {
    timeoutMs: 10_000,
  });
  await eventually(() => expect(service.server.status).toBe('stopping'), { timeoutMs: 10_000 });
  expect(await ask(address, '/health/ready')).toMatchObject({ status: 503, body: '{"status":"stopping"}' });
  expect((await ask(address, '/health/live')).status).toBe(200);
  finish();
  expect(await call).toEqual({ msg: 'done' });
  await stopping;
  await expect(ask(address, '/health/live')).rejects.toThrow();
});
