import assert from 'node:assert/strict';
import { describe, test } from 'vitest';
import { httpBroker } from '../../src/broker/http-broker.ts';
import { memoryBroker } from '../../src/broker/memory-broker.ts';
import { type BrokerWorld, brokerCases } from '../../src/conformance/broker.ts';
import { eventually } from '../../src/conformance/eventually.ts';
import { type Lifecycle, lifecycleCases } from '../../src/conformance/lifecycle.ts';
import { runConformance } from '../../src/conformance/run.ts';
import type { Broker } from '../../src/contract/broker.ts';
import type { Registry } from '../../src/contract/registry.ts';
import { silentLogger } from '../../src/logger/silent-logger.ts';
import { cachedRegistry } from '../../src/registry/cached-registry.ts';
import { mdnsRegistry } from '../../src/registry/mdns-registry.ts';
import { memoryRegistry } from '../../src/registry/memory-registry.ts';

const logger = silentLogger();

/** A world of http brokers; each has a registry of its own over what `registry` makes. */
function httpWorld(registry: () => Registry): BrokerWorld {
  const brokers: Broker[] = [];
  const registries = new Set<Registry>();
  return {
    create() {
      const under = registry();
      const cached = cachedRegistry(under, { unknownTtlMs: 0 });
      registries.add(cached).add(under);
      const broker = httpBroker({ registry: cached, address: '127.0.0.1:0', logger });
      brokers.push(broker);
      return broker;
    },
    async close() {
      await Promise.all(brokers.map((broker) => broker.disconnect()));
      for (const made of registries) await made.close();
    },
  };
}

describe('memory', () => {
  runConformance({
    test,
    cases: brokerCases,
    world() {
      const broker = memoryBroker({ logger });
      return { create: () => broker, close: () => broker.disconnect() };
    },
  });
});

describe('http over the memory registry', () => {
  runConformance({
    test,
    cases: brokerCases,
    world() {
      const registry = memoryRegistry();
      return httpWorld(() => registry);
    },
  });
});

let worlds = 0;

describe('http over mdns', () => {
  runConformance({
    test,
    cases: brokerCases,
    world() {
      worlds += 1;
      const domain = `broker-${process.pid}-${worlds}`;
      return httpWorld(() => mdnsRegistry({ interface: '127.0.0.1', port: 45_363, domain }));
    },
  });
});

/** A broker as something that works from `connect` until `disconnect`: what it publishes reaches a subscriber. */
function lifecycleOf(broker: Broker): Lifecycle {
  let heard = 0;
  const subscribed = broker.subscribe('a', () => {
    heard += 1;
  });
  return {
    start: () => broker.connect(),
    stop: () => broker.disconnect(),
    async works() {
      await subscribed;
      const before = heard;
      await broker.publish('a', { header: {}, body: new Uint8Array(0) });
      await eventually(() => assert.ok(heard > before));
      return true;
    },
  };
}

describe('the life of a broker in memory', () => {
  runConformance({
    test,
    cases: lifecycleCases,
    world: () => ({ create: () => lifecycleOf(memoryBroker({ logger })) }),
  });
});

describe('the life of an http broker', () => {
  runConformance({
    test,
    cases: lifecycleCases,
    world: () => ({
      create: () => lifecycleOf(httpBroker({ registry: memoryRegistry(), address: '127.0.0.1:0', logger })),
    }),
  });
});
