import { setTimeout as sleep } from 'node:timers/promises';
import type { RegisteredEndpoint, ServiceRecord, Value } from '@micro/core';
import type { Caller, RegistryParty, RegistryPeer } from './peer.ts';
import type { Body } from './work.ts';

const SERVICES = 50;
const NODES = 1_000;
const WATCHERS = 20;
/** Nodes that are registered at a time, to begin with. */
const BATCH = 50;
const LOOK_MS = 50;

/**
 * The work `registry` as calls: 1,000 nodes of 50 services are registered, and 20 parties, each with connections of its own,
 * watch all of them. A call changes the metadata of one node, and ends when every watcher has been told of it.
 */
export async function registryCaller(peer: RegistryPeer, address: string): Promise<Caller> {
  const registrar = await peer.join(address);
  const watchers = await Promise.all(Array.from({ length: WATCHERS }, () => peer.join(address)));
  /** By the number of the change: how many watchers have not been told, and who waits for them. */
  const waiting = new Map<string, { left: number; readonly done: () => void }>();
  const told = new Set<RegistryParty>();
  for (const watcher of watchers) {
    watcher.watch(({ nodes }) => {
      told.add(watcher);
      const change = nodes[0]?.metadata.change ?? '';
      const one = waiting.get(change);
      if (one === undefined) return;
      one.left -= 1;
      if (one.left > 0) return;
      waiting.delete(change);
      one.done();
    });
  }

  const change = async (node: number, number: number): Promise<void> => {
    const seen = new Promise<void>((done) => waiting.set(String(number), { left: WATCHERS, done }));
    await registrar.register(recordOf(node, number));
    await seen;
  };
  // A watch takes a moment to begin. The bench has a deadline for all of this.
  for (let tries = 1; told.size < WATCHERS; tries++) {
    await registrar.register(recordOf(0, -tries));
    await sleep(LOOK_MS);
  }
  for (let at = 0; at < NODES; at += BATCH) {
    await Promise.all(Array.from({ length: BATCH }, (_, index) => change(at + index, at + index + 1)));
  }

  return {
    async call(body: Body) {
      await change(body.id % NODES, body.id);
      return body;
    },
    stream: () => Promise.reject(new Error('a registry has no streams')),
    ...(peer.wireBytes === undefined ? {} : { wireBytes: () => peer.wireBytes?.(address) ?? Promise.resolve(0) }),
    async close() {
      await Promise.all([registrar, ...watchers].map((party) => party.close()));
    },
  };
}

/** A node as services register it: five endpoints with four fields each way, some 2 KB of JSON. */
function recordOf(node: number, change: number): ServiceRecord {
  const name = `service-${String(node % SERVICES).padStart(2, '0')}`;
  return {
    name,
    version: '1.0.0',
    metadata: {},
    endpoints: ENDPOINTS,
    nodes: [
      {
        id: `${name}-${node}`,
        address: `10.0.${node >> 8}.${node & 255}:8080`,
        metadata: {
          broker: 'http',
          change: String(change),
          protocol: 'mucp',
          registry: 'etcd',
          server: 'mucp',
          transport: 'http',
        },
      },
    ],
  };
}

const FIELDS: readonly Value[] = ['id', 'name', 'active', 'note'].map((name) => ({ name, type: 'string', values: [] }));

const ENDPOINTS: readonly RegisteredEndpoint[] = ['Create', 'Read', 'Update', 'Delete', 'List'].map((method) => ({
  name: `Things.${method}`,
  request: { name: `${method}Request`, type: `${method}Request`, values: FIELDS },
  response: { name: `${method}Response`, type: `${method}Response`, values: FIELDS },
  metadata: {},
}));
