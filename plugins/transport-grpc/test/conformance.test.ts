import { httpTransport, type Transport } from '@micro/core';
import { runConformance, transportCases } from '@micro/core/conformance';
import { describe, test } from 'vitest';
import { grpcDoor, grpcTransport } from '../src/index.ts';

const LIMIT = { maxMessageBytes: 1_048_576 };

/** Transports that are made so, and close with the world. */
function worldOf(make: () => Transport) {
  return () => {
    const made: Transport[] = [];
    return {
      create() {
        const transport = make();
        made.push(transport);
        return transport;
      },
      async close() {
        await Promise.all(made.map((transport) => transport.close()));
      },
    };
  };
}

/** Listeners say nothing of themselves, as those of Go and those behind an address that somebody named. */
function unknown(transport: Transport): Transport {
  return {
    ...transport,
    listen: async (...args) => ({ ...(await transport.listen(...args)), metadata: {} }),
  };
}

describe("go-micro's transport between nodes of ours", () => {
  runConformance({ test, cases: transportCases, world: worldOf(() => grpcTransport(LIMIT)) });
});

describe('towards nodes of which nothing is known', () => {
  runConformance({ test, cases: transportCases, world: worldOf(() => unknown(grpcTransport(LIMIT))) });
});

describe('a transport with a gRPC door beside it', () => {
  const door = () => grpcDoor(httpTransport(LIMIT), { ...LIMIT, address: '127.0.0.1:0' });
  runConformance({ test, cases: transportCases, world: worldOf(door) });
});
