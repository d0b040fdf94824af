import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import { type Broker, silentLogger } from '@micro/core';
import { brokerCases, runConformance } from '@micro/core/conformance';
import { {{factory}} } from '../src/index.ts';

// Start {{backend}} here on a free port of its own, or say where one runs: a mock agrees with whoever wrote it.
const address = process.env.{{ENV}}_ADDRESS ?? '127.0.0.1';

runConformance({
  test,
  cases: brokerCases,
  // Nothing is published with a method that is not written.
  todo: process.env.npm_lifecycle_event !== 'prepublishOnly',
  // What is published in one world must not be heard in another. `supports` says what {{backend}} cannot do.
  world() {
    const prefix = `test-${randomUUID()}.`;
    const made: Broker[] = [];
    return {
      create() {
        const broker = {{factory}}({ address, prefix, logger: silentLogger() });
        made.push(broker);
        return broker;
      },
      async close() {
        await Promise.all(made.map((broker) => broker.disconnect()));
      },
    };
  },
});
