import type { Listener, Transport } from '@micro/core';
import type { GrpcTransportOptions } from './grpc-options.ts';
import { grpcTransport } from './grpc-transport.ts';

/** What a gRPC door may be told: where it is, beside what the gRPC transport may be told. */
export interface GrpcDoorOptions extends Omit<GrpcTransportOptions, 'protocol'> {
  /** Where gRPC clients come in: `host:port`, `:port` or `host:first-last`. */
  readonly address: string;
}

/** A transport with a gRPC door beside it. */
export interface GrpcDoor extends Transport {
  /** Where gRPC clients come in, with the real port; `undefined` while nothing listens. */
  readonly grpcAddress: string | undefined;
}

/**
 * A second port for gRPC beside the one that a transport has: what a service serves is served at both, by the same handlers
 * under the same middleware, drained together. Nodes whose registry record says that they speak gRPC are called in it, all
 * others over the transport. The registry is told of the transport's port alone, since a node has one address.
 */
export function grpcDoor(transport: Transport, { address: doorAddress, ...options }: GrpcDoorOptions): GrpcDoor {
  const grpc = grpcTransport(options);
  let door: Listener | undefined;

  return {
    name: transport.name,
    get grpcAddress() {
      return door?.address;
    },
    dial: (address, dialOptions) =>
      dialOptions?.metadata?.protocol === 'grpc'
        ? grpc.dial(address, dialOptions)
        : transport.dial(address, dialOptions),
    async listen(address, accept, listenOptions) {
      const main = await transport.listen(address, accept, listenOptions);
      let beside: Listener;
      try {
        beside = await grpc.listen(doorAddress, accept, listenOptions);
      } catch (error) {
        await main.close();
        throw error;
      }
      door = beside;
      return {
        address: main.address,
        metadata: main.metadata,
        drain() {
          main.drain();
          beside.drain();
        },
        async close() {
          if (door === beside) door = undefined;
          await Promise.all([main.close(), beside.close()]);
        },
      };
    },
    async close() {
      await Promise.all([transport.close(), grpc.close()]);
    },
  };
}
