import { copyFileSync, mkdtempSync, readFileSync, rmSync, utimesSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, credentials } from '@grpc/grpc-js';
import { type MicroError, memoryRegistry, type Service, type TlsOptions, type Transport } from '@micro/core';
import { eventually, runConformance, transportCases, within } from '@micro/core/conformance';
import { pause } from '@micro/core/plugin';
import { testCertificates } from '@micro/test-servers';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { grpcClient, grpcTransport } from '../src/index.ts';
import { Greeter } from './gen/greeter_pb.js';
import { caller, callUnary, greeter } from './world.ts';

const files = testCertificates();
const SERVER: TlsOptions = { certFile: files.certFile, keyFile: files.keyFile, caFile: files.caFile };
const CLIENT: TlsOptions = { certFile: files.clientCertFile, keyFile: files.clientKeyFile, caFile: files.caFile };

describe('over TLS in which both sides show certificates', () => {
  runConformance({
    test,
    cases: transportCases,
    world() {
      const made: Transport[] = [];
      return {
        create() {
          const tls = { ...SERVER, requireClientCert: true };
          const transport = grpcTransport({ maxMessageBytes: 1_048_576, tls });
          made.push(transport);
          return transport;
        },
        async close() {
          await Promise.all(made.map((transport) => transport.close()));
        },
      };
    },
  });
});

describe('a service with TLS', () => {
  const registry = memoryRegistry();
  const { service } = greeter({ registry, grpc: { tls: { ...SERVER, requireClientCert: true } } });
  beforeAll(() => service.start());
  afterAll(() => service.stop());

  const call = async (tls: TlsOptions | undefined): Promise<string> => {
    const client = caller(grpcTransport({ tls }), registry);
    try {
      return (await client.client.of(Greeter, 'greeter').hello({ name: 'Ann' }, { retries: 0, timeoutMs: 4_000 })).msg;
    } finally {
      await client.stop();
    }
  };
  const refused = { code: 503 } satisfies Partial<MicroError>;

  test('is called by who shows a certificate', async () => {
    expect(await call(CLIENT)).toBe('Hello Ann');
  });

  test('is called by gRPC clients, with theirs', async () => {
    const own = credentials.createSsl(
      readFileSync(files.caFile),
      readFileSync(files.clientKeyFile),
      readFileSync(files.clientCertFile),
    );
    const client = new Client(service.server.address ?? '', own);
    expect((await callUnary(client, Greeter.method.hello, { name: 'Ben' })).msg).toBe('Hello Ben');
    client.close();
    const micro = grpcClient({ address: `https://${service.server.address}`, tls: CLIENT });
    expect((await micro.of(Greeter, 'greeter').hello({ name: 'Cat' })).msg).toBe('Hello Cat');
    await micro.close();
  });

  test.each([
    ['shows none', { caFile: files.caFile }],
    ['does not trust its authority', { certFile: files.clientCertFile, keyFile: files.clientKeyFile }],
    ['expects another name', { ...CLIENT, serverName: 'other.example' }],
    ['speaks no TLS', undefined],
  ])('is out of reach for who %s', async (_who, tls) => {
    await expect(call(tls)).rejects.toMatchObject(refused);
  });

  test('is reached by who does not verify, and says so', async () => {
    expect(await call({ ...CLIENT, caFile: undefined, insecure: true })).toBe('Hello Ann');
  });
});

test('a listener closes at once while somebody has connected and shakes no hands', async () => {
  const transport = grpcTransport({ tls: SERVER });
  const listener = await transport.listen('127.0.0.1:0', () => {});
  const [host = '', port = ''] = listener.address.split(':');
  const silent = connect(Number(port), host).on('error', () => {});
  const closed = new Promise((resolve) => silent.once('close', resolve));
  await new Promise((resolve) => silent.once('connect', resolve));
  await within('closing the listener', listener.close());
  await closed;
  await transport.close();
});

test('a file that is missing is an error when the transport is made', () => {
  expect(() => grpcTransport({ tls: { certFile: '/nowhere.pem' } })).toThrow(/ENOENT/);
});

test.each<[string, TlsOptions]>([
  ['a certificate that is none', { ...SERVER, certFile: undefined, cert: 'none' }],
  ['a key that belongs to another certificate', { ...SERVER, keyFile: files.clientKeyFile }],
])('%s is a 400 when the transport is made', (_what, tls) => {
  expect(() => grpcTransport({ tls })).toThrow(
    expect.objectContaining({ code: 400, detail: expect.stringContaining('TLS settings for gRPC cannot be used') }),
  );
});

test('a caller goes on with its old certificates while the new ones are half written', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'grpc-tls-'));
  const [certFile, keyFile] = [join(folder, 'cert.pem'), join(folder, 'key.pem')];
  copyFileSync(files.clientCertFile, certFile);
  copyFileSync(files.clientKeyFile, keyFile);
  const registry = memoryRegistry();
  const { service } = greeter({ registry, grpc: { tls: { ...SERVER, requireClientCert: true } } });
  await service.start();
  const client = caller(grpcTransport({ tls: { certFile, keyFile, caFile: files.caFile } }), registry);
  // The key follows later.
  copyFileSync(files.certFile, certFile);
  const later = Date.now() / 1_000 + 5;
  utimesSync(certFile, later, later);
  await pause(1_100);
  expect((await client.client.of(Greeter, 'greeter').hello({ name: 'Ann' }, { retries: 0 })).msg).toBe('Hello Ann');
  await client.stop();
  await service.stop();
  rmSync(folder, { recursive: true });
});

test('certificates that change are used for connections that come after', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'grpc-tls-'));
  const place = (cert: string, key: string, time: number): void => {
    copyFileSync(cert, join(folder, 'cert.pem'));
    copyFileSync(key, join(folder, 'key.pem'));
    for (const name of ['cert.pem', 'key.pem']) utimesSync(join(folder, name), time, time);
  };
  // A client's certificate carries none of the server's names: nobody who verifies can connect.
  place(files.clientCertFile, files.clientKeyFile, 1_000);
  const registry = memoryRegistry();
  const tls = { certFile: join(folder, 'cert.pem'), keyFile: join(folder, 'key.pem') };
  const { service }: { service: Service } = greeter({ registry, grpc: { tls } });
  await service.start();
  const client = caller(grpcTransport({ tls: { caFile: files.caFile } }), registry);
  const hello = client.client.of(Greeter, 'greeter');
  const address = service.server.address ?? '';
  await expect(hello.hello({ name: 'Ann' }, { address, retries: 0 })).rejects.toMatchObject({ code: 503 });
  place(files.certFile, files.keyFile, 2_000);
  await eventually(
    async () => expect((await hello.hello({ name: 'Ann' }, { address, retries: 0 })).msg).toBe('Hello Ann'),
    { everyMs: 200, timeoutMs: 20_000 },
  );
  await client.stop();
  await service.stop();
  rmSync(folder, { recursive: true });
});
