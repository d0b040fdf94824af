import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { Client, credentials } from '@grpc/grpc-js';
import { type Logger, memoryRegistry, silentLogger } from '@micro/core';
import { eventually } from '@micro/core/conformance';
import { describe, expect, test } from 'vitest';
import { grpcTransport, plugin } from '../src/index.ts';
import { Greeter } from './gen/greeter_pb.js';
import { caller, callUnary, greeter, openStream } from './world.ts';

describe('the manifest', () => {
  test('makes the transport that --transport grpc names', async () => {
    expect(plugin).toMatchObject({ api: 1, kind: 'transport', name: 'grpc' });
    const transport = await plugin.create({ client_pool_size: 5 }, {});
    expect(transport.name).toBe('grpc');
    await transport.close();
  });

  test('refuses addresses, which would mean nothing', () => {
    expect(() => plugin.create({ transport_address: ['127.0.0.1:1'] }, {})).toThrow(
      /--transport_address .* means nothing/,
    );
  });
});

test('a service that was stopped starts again with the same transport, and so does its client', async () => {
  const registry = memoryRegistry();
  const { service } = greeter({ registry, transport: grpcTransport() });
  const client = caller(grpcTransport(), registry);
  for (let round = 0; round < 3; round++) {
    await service.start();
    expect((await client.client.of(Greeter, 'greeter').hello({ name: 'Ann' })).msg).toBe('Hello Ann');
    await service.stop();
  }
  await client.stop();
});

test('a transport that was closed can dial again', async () => {
  const { service } = greeter();
  await service.start();
  const transport = grpcTransport();
  for (let round = 0; round < 2; round++) {
    const socket = transport.dial(service.server.address ?? '');
    const header = Object.freeze({ 'Content-Type': 'application/json', 'Micro-Endpoint': 'Greeter.Hello' });
    await socket.send({ header, body: Buffer.from('{"name":"Ann"}') });
    expect(Buffer.from((await socket.receive())?.body ?? []).toString()).toBe('{"msg":"Hello Ann"}');
    await transport.close();
  }
  await service.stop();
});

test('a connection over the limit is closed, and one that ends makes room', async () => {
  const { service } = greeter({ grpc: { maxConnections: 2 } });
  await service.start();
  const [host, port] = (service.server.address ?? '').split(':');
  const open = (): Socket =>
    connect(Number(port), host)
      .on('error', () => {})
      .resume();
  const held = [open(), open()];
  await eventually(() => expect(held.map(({ readyState }) => readyState)).toEqual(['open', 'open']));
  const refused = open();
  await eventually(() => expect(refused.closed).toBe(true));
  for (const socket of held) socket.destroy();
  const client = caller(grpcTransport());
  const { address } = service.server;
  await eventually(async () => {
    const { msg } = await client.client.of(Greeter, 'greeter').hello({ name: 'Ann' }, { address, retries: 0 });
    expect(msg).toBe('Hello Ann');
  });
  await client.stop();
  await service.stop();
});

test('calls over the limit of a connection wait for those before them', async () => {
  const { service } = greeter({ grpc: { maxInFlight: 2 } });
  await service.start();
  const client = new Client(service.server.address ?? '', credentials.createInsecure());
  expect((await callUnary(client, Greeter.method.hello, { name: 'first' })).msg).toBe('Hello first');
  const streams = [openStream(client, Greeter.method.echo), openStream(client, Greeter.method.echo)];
  for (const stream of streams) {
    stream.write({ stroke: 1n });
    await new Promise((resolve) => stream.once('data', resolve));
  }
  let answered = false;
  const waiting = callUnary(client, Greeter.method.hello, { name: 'Ann' }).then((reply) => {
    answered = true;
    return reply;
  });
  // What is open goes on meanwhile.
  streams[0]?.write({ stroke: 2n });
  await new Promise((resolve) => streams[0]?.once('data', resolve));
  expect(answered).toBe(false);
  for (const stream of streams) stream.resume().end();
  expect((await waiting).msg).toBe('Hello Ann');
  client.close();
  await service.stop();
});

test.each(['mucp', 'grpc'] as const)(
  'a connection that nobody uses is closed, and made again when it is wanted (%s)',
  async (protocol) => {
    const { service } = greeter();
    await service.start();
    const [host, port] = (service.server.address ?? '').split(':');
    const open = new Set<Socket>();
    let connections = 0;
    const relay = createServer((socket) => {
      connections += 1;
      open.add(socket);
      const onward = connect(Number(port), host);
      for (const [from, to] of [
        [socket, onward],
        [onward, socket],
      ] as const) {
        from.on('error', () => {}).on('close', () => to.destroy());
        from.pipe(to);
      }
      socket.on('close', () => open.delete(socket));
    }).listen(0, '127.0.0.1');
    await once(relay, 'listening');
    const bound = relay.address();
    const address = `127.0.0.1:${typeof bound === 'object' ? bound?.port : 0}`;
    const client = caller(grpcTransport({ protocol, idleTimeoutMs: 300, poolTtlMs: 100 }));
    const hello = client.client.of(Greeter, 'greeter');
    const options = { address, contentType: 'application/protobuf' };
    for (const made of [1, 2]) {
      await Promise.all(Array.from({ length: 5 }, () => hello.hello({ name: 'Ann' }, options)));
      expect(connections).toBe(made);
      await eventually(() => expect(open.size).toBe(0));
    }
    await client.stop();
    relay.close();
    await service.stop();
  },
);

test.each(['mucp', 'grpc'] as const)(
  'the log has one line when an address is lost, and one when it is back (%s)',
  async (protocol) => {
    const lines: string[] = [];
    const logger: Logger = {
      ...silentLogger(),
      log: (level, message) => {
        lines.push(`${level} ${message}`);
      },
    };
    const first = greeter();
    await first.service.start();
    const address = first.service.server.address ?? '';
    const client = caller(grpcTransport({ protocol, logger }));
    const hello = client.client.of(Greeter, 'greeter');
    const options = { address, contentType: 'application/protobuf', retries: 0 };
    await hello.hello({ name: 'Ann' }, options);
    await first.service.stop();
    for (let round = 0; round < 3; round++) await expect(hello.hello({ name: 'Ann' }, options)).rejects.toThrow();
    await eventually(() =>
      expect(lines).toEqual([expect.stringMatching(/^warn connection error: cannot connect to 127/)]),
    );
    const second = greeter({ server: { address } });
    await second.service.start();
    for (let round = 0; round < 2; round++) await hello.hello({ name: 'Ann' }, options);
    expect(lines.slice(1)).toEqual([`info connected to ${address} again`]);
    await client.stop();
    await second.service.stop();
  },
);
