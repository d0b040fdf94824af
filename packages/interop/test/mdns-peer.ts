import { fileURLToPath } from 'node:url';
import type { ServiceRecord } from '@micro/core';
import type { Island } from '@micro/test-servers';
import { startAskedProcess } from '../src/asked-process.ts';

const PEER = fileURLToPath(new URL('./mdns-peer.mjs', import.meta.url));

/** What a watch of ours tells. */
export interface PeerEvent {
  readonly action: string;
  readonly service: ServiceRecord;
}

/** How the calls went that a peer makes on and on. */
export interface CallCount {
  readonly calls: number;
  /** How many answers came from each node. */
  readonly nodes: Readonly<Record<string, number>>;
  readonly errors: readonly string[];
}

/** A service of ours as a process in a namespace, over mDNS. It serves `Peer.Hello` and `Plain.Who`. */
export interface MdnsPeer {
  readonly address: string;
  /** The id of its node in the registry. */
  readonly node: string;
  lookUp(service: string): Promise<readonly ServiceRecord[]>;
  list(): Promise<readonly string[]>;
  register(record: ServiceRecord, ttlMs?: number): Promise<void>;
  deregister(record: ServiceRecord): Promise<void>;
  watch(onEvent: (event: PeerEvent) => void): Promise<void>;
  call(service: string, endpoint: string, body: unknown): Promise<unknown>;
  /** Subscribes at its broker. */
  subscribe(
    topic: string,
    onEvent: (event: { readonly header: Readonly<Record<string, string>>; readonly body: Buffer }) => void,
    queue?: string,
  ): Promise<void>;
  publish(topic: string, message: unknown, metadata?: Readonly<Record<string, string>>): Promise<void>;
  /** Calls `Plain.Who` of a service until `stopCalls`, so many calls at a time, each of which takes `ms`. */
  startCalls(service: string, concurrency: number, ms: number): Promise<void>;
  countCalls(): Promise<CallCount>;
  stopCalls(): Promise<CallCount>;
  /** Ends it as a crash does. */
  kill(): Promise<void>;
  /** Stops the service as it stops in operation: deregister, settle, drain. */
  close(): Promise<void>;
}

/** Starts a service of ours in a namespace. */
export async function startPeer(name: string, { prefix, ip }: Island): Promise<MdnsPeer> {
  const command = [...prefix, process.execPath, PEER, name, `${ip}:0`];
  const { ask, ready, kill, close } = await startAskedProcess(`the peer ${name}`, command);
  const { address, node } = await ready();
  return {
    address: String(address),
    node: String(node),
    kill,
    close,
    lookUp: async (service) => (await ask({ command: 'lookUp', service })) as readonly ServiceRecord[],
    list: async () => (await ask({ command: 'list' })) as readonly string[],
    async register(record, ttlMs) {
      await ask({ command: 'register', record, ttlMs });
    },
    async deregister(record) {
      await ask({ command: 'deregister', record });
    },
    async watch(onEvent) {
      await ask({ command: 'watch' }, (event) => onEvent(event as PeerEvent));
    },
    call: (service, endpoint, body) => ask({ command: 'call', request: { service, endpoint, body } }),
    async subscribe(topic, onEvent, queue) {
      await ask({ command: 'subscribe', topic, queue }, (event) => {
        const { header, body } = event as { header: Record<string, string>; body: string };
        onEvent({ header, body: Buffer.from(body, 'base64') });
      });
    },
    async publish(topic, message, metadata = {}) {
      await ask({ command: 'publish', topic, message, options: { metadata } });
    },
    async startCalls(service, concurrency, ms) {
      const request = { service, endpoint: 'Plain.Who', body: { ms } };
      await ask({ command: 'startCalls', request, concurrency });
    },
    countCalls: async () => (await ask({ command: 'countCalls' })) as CallCount,
    stopCalls: async () => (await ask({ command: 'stopCalls' })) as CallCount,
  };
}
