import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Broker, silentLogger } from '@micro/core';
import { type BrokerWorld, brokerCases, runConformance } from '@micro/core/conformance';
import { missingServer, startNats, type TestServer } from '@micro/test-servers';
import { connect } from 'nats';
import { afterAll, beforeAll, describe, test } from 'vitest';
import { type NatsBrokerOptions, natsBroker } from '../src/index.ts';

const missing = missingServer('nats');
const skipped = missing === undefined ? '' : ` (skipped: ${missing})`;
const logger = silentLogger();

let folder: string;
let args: readonly string[];

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'broker-nats-'));
  // A case publishes a body of 1 MiB, which is more in base64 than a server takes unless it is told to.
  writeFileSync(join(folder, 'nats.conf'), 'max_payload: 4MB\n');
  args = ['-c', join(folder, 'nats.conf')];
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A server for each world: topics are the same in all of them. */
async function world(options: NatsBrokerOptions): Promise<BrokerWorld> {
  const server = await startNats({ jetStream: options.jetStream !== undefined, args });
  const brokers: Broker[] = [];
  return {
    create() {
      const broker = natsBroker({ servers: server.url, logger, ...options });
      brokers.push(broker);
      return broker;
    },
    async close() {
      await Promise.all(brokers.map((broker) => broker.disconnect()));
      await server.close();
    },
  };
}

describe.skipIf(missing !== undefined)(`plain NATS${skipped}`, () => {
  runConformance({ test, cases: brokerCases, world: () => world({}) });
});

describe.skipIf(missing !== undefined)(`JetStream${skipped}`, () => {
  runConformance({ test, cases: brokerCases, world: () => world({ jetStream: { storage: 'memory' } }) });
});

describe.skipIf(missing !== undefined)(`a connection that was given${skipped}`, () => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startNats({ args });
  });
  afterAll(() => server?.close());

  runConformance({
    test,
    cases: brokerCases,
    async world() {
      const connections = [await connect({ servers: server.address }), await connect({ servers: server.address })];
      const brokers: Broker[] = [];
      return {
        create() {
          const broker = natsBroker({ connection: connections[brokers.length % 2], logger });
          brokers.push(broker);
          return broker;
        },
        async close() {
          await Promise.all(brokers.map((broker) => broker.disconnect()));
          await Promise.all(connections.map((connection) => connection.close()));
        },
      };
    },
  });
});
