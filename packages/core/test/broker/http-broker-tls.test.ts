import { connect } from 'node:net';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { BrokerFailure } from '../../src/broker/broker-failure.ts';
import { httpBroker } from '../../src/broker/http-broker.ts';
import { eventually, within } from '../../src/conformance/eventually.ts';
import { silentLogger } from '../../src/logger/silent-logger.ts';
import { memoryRegistry } from '../../src/registry/memory-registry.ts';

const pem = (name: string): string => join(import.meta.dirname, '../transport/certificates', name);

test('over TLS a publisher that trusts the certificate is heard, one that does not is told why', async () => {
  const registry = memoryRegistry();
  const failures: BrokerFailure[] = [];
  const usual = { registry, address: '127.0.0.1:0', logger: silentLogger(), flushMs: 0, backoff: () => 5 };
  const subscriber = httpBroker({ ...usual, tls: { certFile: pem('server.pem'), keyFile: pem('server.key') } });
  const trusting = httpBroker({ ...usual, tls: { caFile: pem('authority.pem') } });
  const wary = httpBroker({ ...usual, inbox: { maxAgeMs: 50 }, onError: (failure) => failures.push(failure) });
  try {
    for (const broker of [subscriber, trusting, wary]) await broker.connect();
    const got: string[] = [];
    await subscriber.subscribe('a', ({ message }) => got.push(Buffer.from(message.body).toString()));
    const [record] = await registry.getService('micro.http.broker');
    expect(record?.nodes[0]?.metadata.secure).toBe('true');
    await trusting.publish('a', { header: {}, body: Buffer.from('x') });
    await eventually(() => expect(got).toEqual(['x']));
    await wary.publish('a', { header: {}, body: Buffer.from('y') });
    await eventually(() => expect(failures).toHaveLength(1));
    expect(got).toEqual(['x']);
  } finally {
    for (const broker of [trusting, wary, subscriber]) await broker.disconnect();
  }
});

test('it disconnects at once while somebody has connected and shakes no hands', async () => {
  const registry = memoryRegistry();
  const tls = { certFile: pem('server.pem'), keyFile: pem('server.key') };
  const broker = httpBroker({ registry, address: '127.0.0.1:0', logger: silentLogger(), tls });
  await broker.connect();
  await broker.subscribe('a', () => {});
  const [record] = await registry.getService('micro.http.broker');
  const [host = '', port = ''] = (record?.nodes[0]?.address ?? '').split(':');
  const silent = connect(Number(port), host).on('error', () => {});
  const closed = new Promise((resolve) => silent.once('close', resolve));
  await new Promise((resolve) => silent.once('connect', resolve));
  await within('disconnecting', broker.disconnect(), 10_000);
  await within('the connection', closed);
});
