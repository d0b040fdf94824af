import { Readable } from 'node:stream';
import { requireForeign } from '../foreign.ts';
import type { Caller, Peer, Served } from '../peer.ts';
import { type Body, streamBody } from '../work.ts';

/** What is used of Moleculer. */
export interface Broker {
  createService(schema: object): unknown;
  start(): Promise<void>;
  stop(): Promise<void>;
  waitForServices(names: string, timeoutMs: number): Promise<unknown>;
  call(action: string, params: object): Promise<unknown>;
  broadcast(event: string, params: object): Promise<unknown>;
  readonly registry: { readonly nodes: { readonly localNode: { readonly port: number } } };
}
interface Moleculer {
  ServiceBroker: new (options: object) => Broker;
}

/** The node id of what is served. */
export const SERVER = 'server';
/** How long to wait for the server's services, in milliseconds: nodes find each other by gossip every two seconds. */
export const DISCOVERY_MS = 15_000;

/** Moleculer over its TCP transporter. The client is told where the server is; there is no discovery by datagrams. */
export const moleculerTcp: Peer = {
  async serve(): Promise<Served> {
    const broker = createBroker(SERVER, []);
    broker.createService({
      name: 'bench',
      actions: {
        echo: (ctx: { params: Body }) => ctx.params,
        ticks: (ctx: { params: { count: number } }) => Readable.from(messages(ctx.params.count)),
      },
    });
    await broker.start();
    return { address: String(broker.registry.nodes.localNode.port), close: () => broker.stop() };
  },

  async connect(address): Promise<Caller> {
    const broker = createBroker('client', [`127.0.0.1:${address}/${SERVER}`]);
    await broker.start();
    await broker.waitForServices('bench', DISCOVERY_MS);
    return {
      call: async (body) => (await broker.call('bench.echo', body)) as Body,
      stream: async (count, onMessage) => {
        const stream = (await broker.call('bench.ticks', { count })) as Readable;
        await new Promise<void>((resolve, reject) => {
          stream.on('data', onMessage);
          stream.once('end', resolve);
          stream.once('error', reject);
        });
      },
      close: () => broker.stop(),
    };
  },
};

/** A node with the TCP transporter and no discovery by datagrams; `urls` are the nodes that it knows. */
export function createBroker(nodeID: string, urls: readonly string[]): Broker {
  const { ServiceBroker }: Moleculer = requireForeign('moleculer');
  return new ServiceBroker({
    nodeID,
    logger: false,
    transporter: { type: 'TCP', options: { udpDiscovery: false, useHostname: false, urls: [...urls] } },
  });
}

function* messages(count: number): Generator<Body> {
  for (let index = 0; index < count; index++) yield streamBody(index);
}
