import {
  createService,
  defineService,
  memoryRegistry,
  type Profile,
  type ServiceRecord,
  serverStream,
  unary,
} from '@micro/core';
import type { Caller, Peer, Served } from '../peer.ts';
import { type Body, streamBody } from '../work.ts';

const NAME = 'bench';
const HOST = '127.0.0.1';

const definition = defineService('Bench', {
  echo: unary<Body, Body>(),
  ticks: serverStream<{ count: number }, Body>(),
});

/**
 * Micro with its defaults: found through the registry, over the http transport, whose frames carry many calls on one
 * connection. What the server registered is handed to the client's registry as it is.
 */
export const micro: Peer = { serve: () => serve(), connect: (records) => connect(JSON.parse(records)) };

/** The same where both processes measure themselves: what a profile costs while it runs. */
export function profiledMicro(profile: () => Profile): Peer {
  return {
    serve: () => serve(profile()),
    connect: (records) => connect(JSON.parse(records), { profile: profile() }),
  };
}

/**
 * Micro towards a direct address, of which it knows nothing: go-micro's HTTP/1.1 framing, one call at a time on each
 * pooled connection.
 */
export const microHttp1: Peer = {
  serve: () => serve(),
  connect: (records) => {
    const services: readonly ServiceRecord[] = JSON.parse(records);
    return connect([], { address: services[0]?.nodes[0]?.address });
  },
};

async function serve(profile?: Profile): Promise<Served> {
  const registry = memoryRegistry();
  const service = createService({ name: NAME, registry, profile, server: { address: `${HOST}:0` } });
  service.server.handle(definition, {
    echo: (body) => body,
    async *ticks({ count }) {
      for (let index = 0; index < count; index++) yield streamBody(index);
    },
  });
  await service.start();
  return { address: JSON.stringify(await registry.getService(NAME)), close: () => service.stop() };
}

async function connect(
  services: readonly ServiceRecord[],
  { address, profile }: { readonly address?: string | undefined; readonly profile?: Profile } = {},
): Promise<Caller> {
  const service = createService({ name: `${NAME}-client`, registry: memoryRegistry({ services }) });
  // A service that only calls is never started, so its profile is.
  await profile?.start();
  const bench = service.client.of(definition, NAME);
  const options = address === undefined ? undefined : { address };
  return {
    call: (body) => bench.echo(body, options),
    stream: async (count, onMessage) => {
      for await (const message of bench.ticks({ count }, options)) onMessage(message);
    },
    async close() {
      await service.stop();
      await profile?.stop();
    },
  };
}
