import { describe, test } from 'vitest';
import { runConformance } from '../../src/conformance/run.ts';
import { type TransportWorld, transportCases } from '../../src/conformance/transport.ts';
import type { Transport } from '../../src/contract/transport.ts';
import { httpTransport } from '../../src/transport/http-transport.ts';
import { memoryTransport } from '../../src/transport/memory-transport.ts';

function worldOf(make: () => Transport, more: Partial<TransportWorld> = {}): TransportWorld {
  const made: Transport[] = [];
  return {
    create() {
      const transport = make();
      made.push(transport);
      return transport;
    },
    ...more,
    async close() {
      await Promise.all(made.map((transport) => transport.close()));
    },
  };
}

describe('memory', () => {
  runConformance({
    test,
    cases: transportCases,
    world() {
      const shared = memoryTransport();
      return worldOf(() => shared, { supports: { oversize: false } });
    },
  });
});

describe('http, frames', () => {
  runConformance({
    test,
    cases: transportCases,
    world: () => worldOf(() => httpTransport({ maxMessageBytes: 1_048_576 })),
  });
});

describe('http, HTTP/1.1', () => {
  runConformance({
    test,
    cases: transportCases,
    world: () => worldOf(() => httpTransport({ maxMessageBytes: 1_048_576, frames: false })),
  });
});
