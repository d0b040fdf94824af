import type { EventPeer, Peer, RegistryPeer, StorePeer } from './peer.ts';
import { isStoreWork, type Work } from './work.ts';

/** A peer by name, loaded only in the processes that run it. */
export interface PeerEntry {
  /** How it does calls and streams; a peer without it does none. */
  readonly load?: () => Promise<Peer>;
  /** How it does events; a peer without it does none. */
  readonly loadEvents?: () => Promise<EventPeer>;
  /** How it keeps records; a peer without it keeps none. */
  readonly loadStore?: () => Promise<StorePeer>;
  /** How it tells where services run; a peer without it does not. */
  readonly loadRegistry?: () => Promise<RegistryPeer>;
  /** The peer that does the same with the client of the server and nothing of ours: what is on top of it is our cost. */
  readonly bare?: string;
  /** Its publisher and its subscriber have to be in one process. */
  readonly inOneProcess?: boolean;
  /** The packages under `peers/` that it is made of, the one that names its version first. Empty: our own. */
  readonly packages: readonly string[];
  /** Load before anything is counted, in milliseconds: what is slow is compiled late. */
  readonly warmUpMs: number;
}

/** The peer that ratios are against. */
export const BASELINE = 'raw-net';

/** All peers, in the order they are shown. */
export const PEERS: ReadonlyMap<string, PeerEntry> = new Map<string, PeerEntry>([
  [
    BASELINE,
    {
      load: async () => (await import('./peers/raw-net.ts')).rawNet,
      loadEvents: async () => (await import('./peers/raw-net-events.ts')).rawNetEvents,
      packages: [],
      warmUpMs: 1_000,
    },
  ],
  ['micro', { load: async () => (await import('./peers/micro.ts')).micro, packages: [], warmUpMs: 3_000 }],
  ['micro-http1', { load: async () => (await import('./peers/micro.ts')).microHttp1, packages: [], warmUpMs: 3_000 }],
  [
    'micro-pprof',
    { load: async () => (await import('./peers/micro-pprof.ts')).microPprof, packages: [], warmUpMs: 3_000 },
  ],
  [
    'micro-grpc',
    { load: async () => (await import('./peers/micro-grpc.ts')).microGrpc, packages: [], warmUpMs: 3_000 },
  ],
  [
    'micro-grpc-door',
    { load: async () => (await import('./peers/micro-grpc.ts')).microGrpcDoor, packages: [], warmUpMs: 3_000 },
  ],
  [
    'micro-http',
    {
      loadEvents: async () => (await import('./peers/micro-events.ts')).microHttpEvents,
      packages: [],
      warmUpMs: 3_000,
    },
  ],
  [
    'micro-memory',
    {
      loadEvents: async () => (await import('./peers/micro-events.ts')).microMemoryEvents(),
      loadRegistry: async () => (await import('./peers/memory-registry.ts')).memoryRegistryPeer(),
      inOneProcess: true,
      packages: [],
      warmUpMs: 3_000,
    },
  ],
  [
    'micro-nats',
    {
      loadEvents: async () => (await import('./peers/nats-events.ts')).microNats,
      bare: 'raw-nats',
      packages: [],
      warmUpMs: 3_000,
    },
  ],
  [
    'micro-nats-broker',
    {
      loadEvents: async () => (await import('./peers/nats-events.ts')).microNatsBroker,
      bare: 'raw-nats',
      packages: [],
      warmUpMs: 3_000,
    },
  ],
  [
    'raw-nats',
    { loadEvents: async () => (await import('./peers/raw-nats.ts')).rawNats, packages: [], warmUpMs: 3_000 },
  ],
  [
    'raw-nats-confirmed',
    { loadEvents: async () => (await import('./peers/raw-nats.ts')).rawNatsConfirmed, packages: [], warmUpMs: 3_000 },
  ],
  [
    'micro-jetstream',
    {
      loadEvents: async () => (await import('./peers/nats-events.ts')).microJetStream,
      bare: 'raw-jetstream',
      packages: [],
      warmUpMs: 3_000,
    },
  ],
  [
    'micro-jetstream-broker',
    {
      loadEvents: async () => (await import('./peers/nats-events.ts')).microJetStreamBroker,
      bare: 'raw-jetstream',
      packages: [],
      warmUpMs: 3_000,
    },
  ],
  [
    'raw-jetstream',
    { loadEvents: async () => (await import('./peers/raw-jetstream.ts')).rawJetStream, packages: [], warmUpMs: 3_000 },
  ],
  [
    'micro-redis',
    {
      loadStore: async () => (await import('./peers/redis-store.ts')).microRedis,
      bare: 'raw-redis',
      packages: [],
      warmUpMs: 3_000,
    },
  ],
  [
    'raw-redis',
    { loadStore: async () => (await import('./peers/raw-redis.ts')).rawRedis, packages: [], warmUpMs: 3_000 },
  ],
  [
    'raw-redis-many',
    { loadStore: async () => (await import('./peers/raw-redis.ts')).rawRedisMany, packages: [], warmUpMs: 3_000 },
  ],
  [
    'micro-etcd',
    {
      loadRegistry: async () => (await import('./peers/etcd-registry.ts')).microEtcd,
      bare: 'raw-etcd',
      packages: [],
      warmUpMs: 3_000,
    },
  ],
  [
    'raw-etcd',
    { loadRegistry: async () => (await import('./peers/raw-etcd.ts')).rawEtcd, packages: [], warmUpMs: 3_000 },
  ],
  [
    'raw-net-early',
    { load: async () => (await import('./peers/raw-net-early.ts')).rawNetEarly, packages: [], warmUpMs: 1_000 },
  ],
  [
    'raw-net-pool',
    { load: async () => (await import('./peers/raw-net-pool.ts')).rawNetPool, packages: [], warmUpMs: 1_000 },
  ],
  [
    'nest-tcp',
    {
      load: async () => (await import('./peers/nest-tcp.ts')).nestTcp,
      packages: ['@nestjs/microservices', '@nestjs/core', '@nestjs/common', 'rxjs', 'reflect-metadata'],
      warmUpMs: 3_000,
    },
  ],
  [
    'moleculer-tcp',
    {
      load: async () => (await import('./peers/moleculer-tcp.ts')).moleculerTcp,
      loadEvents: async () => (await import('./peers/moleculer-tcp-events.ts')).moleculerTcpEvents,
      packages: ['moleculer'],
      warmUpMs: 3_000,
    },
  ],
  [
    'grpc-js',
    {
      load: async () => (await import('./peers/grpc-js.ts')).grpcJs,
      packages: ['@grpc/grpc-js', '@grpc/proto-loader'],
      warmUpMs: 3_000,
    },
  ],
]);

/** The entry of a peer; an unknown name is refused with the known ones. */
export function peerNamed(name: string): PeerEntry {
  const entry = PEERS.get(name);
  if (entry === undefined) throw new Error(`no peer is called ${name}; there are ${[...PEERS.keys()].join(', ')}`);
  return entry;
}

/** Whether a peer does a work. */
export function doesWork(name: string, work: Work): boolean {
  const { load, loadEvents, loadStore, loadRegistry } = peerNamed(name);
  if (work === 'events') return loadEvents !== undefined;
  if (work === 'registry') return loadRegistry !== undefined;
  return (isStoreWork(work) ? loadStore : load) !== undefined;
}

/** How a peer does calls and streams. */
export function loadPeer(name: string): Promise<Peer> {
  const { load } = peerNamed(name);
  if (load === undefined) throw new Error(`${name} does no calls`);
  return load();
}

/** How a peer does events. */
export function loadEventPeer(name: string): Promise<EventPeer> {
  const { loadEvents } = peerNamed(name);
  if (loadEvents === undefined) throw new Error(`${name} does no events`);
  return loadEvents();
}

/** How a peer keeps records. */
export function loadStorePeer(name: string): Promise<StorePeer> {
  const { loadStore } = peerNamed(name);
  if (loadStore === undefined) throw new Error(`${name} keeps no records`);
  return loadStore();
}

/** How a peer tells where services run. */
export function loadRegistryPeer(name: string): Promise<RegistryPeer> {
  const { loadRegistry } = peerNamed(name);
  if (loadRegistry === undefined) throw new Error(`${name} is no registry`);
  return loadRegistry();
}
