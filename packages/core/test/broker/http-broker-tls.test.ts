import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import type { BrokerFailure } from '../../src/broker/broker-failure.ts';
import { httpBroker } from '../../src/broker/http-broker.ts';
import { eventually } from '../../src/conformance/eventually.ts';
import { silentLogger } from '../../src/logger/silent-logger.ts';
import { memoryRegistry } from '../../src/registry/memory-registry.ts';

const folder = mkdtempSync(join(tmpdir(), 'micro-broker-tls-'));
const certFile = join(folder, 'cert.pem');
const keyFile = join(folder, 'key.pem');
const hasOpenssl = makeCertificate();

afterAll(() => rmSync(folder, { recursive: true, force: true }));

test.skipIf(!hasOpenssl)(
  'over TLS a publisher that trusts the certificate is heard, one that does not is told why',
  async () => {
    const registry = memoryRegistry();
    const failures: BrokerFailure[] = [];
    const usual = { registry, address: '127.0.0.1:0', logger: silentLogger(), flushMs: 0, backoff: () => 5 };
    const subscriber = httpBroker({ ...usual, tls: { certFile, keyFile } });
    const trusting = httpBroker({ ...usual, tls: { caFile: certFile } });
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
  },
);

/** A certificate that signs itself, made where there is openssl. */
function makeCertificate(): boolean {
  try {
    const what = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'];
    const name = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1'];
    execFileSync('openssl', [...what, ...name, '-keyout', keyFile, '-out', certFile], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}
