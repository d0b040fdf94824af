import { once } from 'node:events';
import { request } from 'node:http';
import { create, createFileRegistry, fromBinary, type MessageInitShape } from '@bufbuild/protobuf';
import { FileDescriptorProtoSchema, FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';
import { Client, credentials, status } from '@grpc/grpc-js';
import { createService, httpTransport, memoryRegistry, type Service, silentLogger } from '@micro/core';
import { eventually } from '@micro/core/conformance';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Health, HealthCheckResponse_ServingStatus as Status } from '../src/gen/health_pb.js';
import { ServerReflection, ServerReflectionRequestSchema } from '../src/gen/reflection_v1_pb.js';
import { ServerReflection as ServerReflectionAlpha } from '../src/gen/reflection_v1alpha_pb.js';
import { grpcDoor, grpcTransport } from '../src/index.ts';
import { Greeter } from './gen/greeter_pb.js';
import { caller, callUnary, greeter, openStream } from './world.ts';

function connect(service: Service): Client {
  return new Client(service.server.address ?? '', credentials.createInsecure());
}

describe('health', () => {
  const { service } = greeter();
  let client: Client;
  beforeAll(async () => {
    await service.start();
    client = connect(service);
  });
  afterAll(async () => {
    client.close();
    await service.stop();
  });

  test.each(['', 'greet.v1.Greeter', 'greeter', 'greeter.Greeter', 'grpc.health.v1.Health'])(
    '%j is served while the service is registered',
    async (name) => {
      expect((await callUnary(client, Health.method.check, { service: name })).status).toBe(Status.SERVING);
    },
  );

  test('of what is not served here is NOT_FOUND, and SERVICE_UNKNOWN to those who watch it', async () => {
    await expect(callUnary(client, Health.method.check, { service: 'other' })).rejects.toMatchObject({
      code: status.NOT_FOUND,
    });
    const watch = openStream(client, Health.method.watch);
    watch.on('error', () => {});
    watch.write({ service: 'other' });
    expect((await once(watch, 'data'))[0].status).toBe(Status.SERVICE_UNKNOWN);
    watch.cancel();
  });

  test('is told over HTTP/1.1 on the same port too', async () => {
    const ask = (path: string): Promise<number> =>
      new Promise((resolve, reject) => {
        request(`http://${service.server.address}${path}`, (response) => {
          response.resume();
          resolve(response.statusCode ?? 0);
        })
          .on('error', reject)
          .end();
      });
    expect(await ask('/health/ready')).toBe(200);
    expect(await ask('/nothing')).toBe(404);
  });
});

test('those who watch are told as soon as a service drains, before it is gone', async () => {
  let mayBeRegistered = true;
  const { service } = greeter({
    server: { registerCheck: () => mayBeRegistered, registerIntervalMs: 50, settleMs: 1_000 },
  });
  await service.start();
  const client = connect(service);
  const watch = openStream(client, Health.method.watch);
  const told: Status[] = [];
  watch.on('data', (message) => told.push(message.status));
  watch.on('error', () => {});
  watch.write({ service: 'greet.v1.Greeter' });
  await eventually(() => expect(told).toEqual([Status.SERVING]));
  mayBeRegistered = false;
  await eventually(() => expect(told).toEqual([Status.SERVING, Status.NOT_SERVING]));
  mayBeRegistered = true;
  await eventually(() => expect(told).toEqual([Status.SERVING, Status.NOT_SERVING, Status.SERVING]));
  const stopping = service.stop();
  await eventually(() => expect(told.at(-1)).toBe(Status.NOT_SERVING));
  expect(service.server.status).not.toBe('stopped');
  await stopping;
  client.close();
});

describe.each([ServerReflection, ServerReflectionAlpha])('reflection ($typeName)', (version) => {
  const { service } = greeter();
  let client: Client;
  beforeAll(async () => {
    await service.start();
    client = connect(service);
  });
  afterAll(async () => {
    client.close();
    await service.stop();
  });
  const ask = async (messageRequest: MessageInitShape<typeof ServerReflectionRequestSchema>['messageRequest']) => {
    // Both versions have the same messages.
    const path = `/${version.typeName}/ServerReflectionInfo`;
    const call = openStream(client, ServerReflection.method.serverReflectionInfo, path);
    call.write(create(ServerReflectionRequestSchema, messageRequest === undefined ? {} : { messageRequest }));
    call.end();
    const [answer] = await once(call, 'data');
    return answer.messageResponse;
  };

  test('lists the services that have a descriptor, and none that is internal', async () => {
    const { value } = await ask({ case: 'listServices', value: '' });
    expect(value.service.map(({ name }: { name: string }) => name)).toEqual([
      'greet.v1.Greeter',
      'grpc.health.v1.Health',
      'grpc.reflection.v1.ServerReflection',
      'grpc.reflection.v1alpha.ServerReflection',
    ]);
  });

  test.each(['greet.v1.Greeter', 'greet.v1.Greeter.Hello', 'greet.v1.HelloReply', 'greet.v1.HelloReply.at'])(
    'shows the file of %s with all that it imports, so that a client needs no .proto',
    async (symbol) => {
      const { value } = await ask({ case: 'fileContainingSymbol', value: symbol });
      const file = value.fileDescriptorProto.map((bytes: Uint8Array) => fromBinary(FileDescriptorProtoSchema, bytes));
      expect(file.map(({ name }: { name: string }) => name)).toEqual([
        'greeter.proto',
        'google/protobuf/timestamp.proto',
      ]);
      const known = createFileRegistry(create(FileDescriptorSetSchema, { file: file.reverse() }));
      expect(known.getService('greet.v1.Greeter')?.methods.map(({ name }) => name)).toEqual([
        'Hello',
        'Sum',
        'Ticks',
        'Echo',
      ]);
    },
  );

  test('shows a file by its name, and says so when it knows none', async () => {
    expect((await ask({ case: 'fileByFilename', value: 'greeter.proto' })).case).toBe('fileDescriptorResponse');
    expect((await ask({ case: 'fileByFilename', value: 'other.proto' })).value.errorCode).toBe(status.NOT_FOUND);
    expect((await ask({ case: 'fileContainingSymbol', value: '__proto__' })).value.errorCode).toBe(status.NOT_FOUND);
    expect((await ask({ case: undefined })).value.errorCode).toBe(status.INVALID_ARGUMENT);
    const numbers = await ask({ case: 'allExtensionNumbersOfType', value: 'greet.v1.HelloReply' });
    expect(numbers.value).toMatchObject({ baseTypeName: 'greet.v1.HelloReply', extensionNumber: [] });
  });
});

test('health and reflection can be left out', async () => {
  const { service } = greeter({ grpc: { health: false, reflection: false } });
  await service.start();
  const client = connect(service);
  for (const method of [Health.method.check, Health.method.watch]) {
    await expect(callUnary(client, method, {})).rejects.toMatchObject({ code: status.UNIMPLEMENTED });
  }
  client.close();
  await service.stop();
});

test('a door beside another transport serves the same handlers on a port of its own, and closes with it', async () => {
  const registry = memoryRegistry();
  const door = grpcDoor(httpTransport(), { address: '127.0.0.1:0' });
  const { service } = greeter({ registry, transport: door });
  await service.start();
  expect(door.grpcAddress).not.toBe(service.server.address);
  const client = new Client(door.grpcAddress ?? '', credentials.createInsecure());
  expect((await callUnary(client, Greeter.method.hello, { name: 'Ann' })).msg).toBe('Hello Ann');
  expect((await callUnary(client, Health.method.check, {})).status).toBe(Status.SERVING);
  const other = caller(httpTransport(), registry);
  expect((await other.client.of(Greeter, 'greeter').hello({ name: 'Ben' })).msg).toBe('Hello Ben');
  await other.stop();
  await service.stop();
  expect(door.grpcAddress).toBeUndefined();
  client.close();
});

test('a door calls nodes that speak gRPC in it, and others over its transport', async () => {
  const registry = memoryRegistry();
  const { service } = greeter({ registry, transport: grpcTransport({ protocol: 'grpc' }) });
  await service.start();
  const door = grpcDoor(httpTransport(), { address: '127.0.0.1:0' });
  const client = caller(door, registry);
  expect((await client.client.of(Greeter, 'greeter').hello({ name: 'Ann' })).msg).toBe('Hello Ann');
  await client.stop();
  await service.stop();
});

test('a door that cannot have its address leaves nothing listening', async () => {
  const { service } = greeter();
  await service.start();
  const taken = service.server.address ?? '';
  const other = createService({
    name: 'other',
    logger: silentLogger(),
    registry: memoryRegistry(),
    transport: grpcDoor(httpTransport(), { address: taken }),
    server: { address: '127.0.0.1:0' },
  });
  await expect(other.start()).rejects.toMatchObject({ code: 409 });
  expect(other.server.address).toBeUndefined();
  await other.stop();
  await service.stop();
});
