import { test } from 'node:test';
import type { Transport } from '@micro/core';
import { runConformance, transportCases } from '@micro/core/conformance';
import { {{factory}} } from '../src/index.ts';

/** The cases send one message that is larger. */
const maxMessageBytes = 1_048_576;

runConformance({
  test,
  cases: transportCases,
  // Nothing is published with a method that is not written.
  todo: process.env.npm_lifecycle_event !== 'prepublishOnly',
  // The cases listen at 127.0.0.1:0; `address` says another place. `supports` says what {{backend}} cannot do.
  world() {
    const made: Transport[] = [];
    return {
      maxMessageBytes,
      create() {
        const transport = {{factory}}({ maxMessageBytes });
        made.push(transport);
        return transport;
      },
      async close() {
        await Promise.all(made.map((transport) => transport.close()));
      },
    };
  },
});
