import type { Transport } from '@micro/core';
import { runConformance, transportCases } from '@micro/core/conformance';
import { describe, test } from 'vitest';
import { grpcTransport } from '../src/index.ts';

/** A world whose transports all close with it; `metadata` says nothing of a node, as that of a Go peer. */
const world = () => {
  const made: Transport[] = [];
  return {
    create() {
      const transport = grpcTransport({ maxMessageBytes: 1_048_576 });
      made.push(transport);
      return transport;
    },
    async close() {
      await Promise.all(made.map((transport) => transport.close()));
    },
  };
};

describe("go-micro's transport", () => {
  runConformance({ test, cases: transportCases, world });
});
