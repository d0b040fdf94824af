import type { DialOptions, Listener, ListenOptions, Socket, Transport } from '@micro/core';
import { createChannels } from './channels.ts';
import { type GrpcProtocol, type GrpcTransportOptions, grpcLimits } from './grpc-options.ts';
import { listenGrpc } from './listen.ts';
import { createMessageClient } from './message-client.ts';
import { createMethodClient } from './method-client.ts';
import { servedPaths } from './served-paths.ts';
import { OURS } from './wire-names.ts';

/** What the registry says of nodes that speak gRPC itself, as go-micro's gRPC server has it. */
const GRPC_NODE = { ...OURS, protocol: 'grpc', server: 'grpc' } as const;

/**
 * go-micro's gRPC transport (`go.micro.transport.grpc.Transport/Stream`), interchangeable with the Go plugin, and a door for
 * everybody else: the same port answers any gRPC client that calls a service by its .proto, with health and server
 * reflection, and nodes that speak gRPC themselves are called in it.
 */
export function grpcTransport(options: GrpcTransportOptions = {}): Transport {
  const { tls, protocol = 'mucp' } = options;
  const limits = grpcLimits(options);
  const channels = createChannels(limits, tls, options.logger);
  const messages = createMessageClient(channels, limits);
  const methods = createMethodClient(channels, limits);

  return {
    name: 'grpc',
    dial(address: string, dialOptions: DialOptions = {}): Socket {
      if (protocolOf(dialOptions.metadata, protocol) === 'mucp') return messages.dial(address, dialOptions);
      return methods.dial(address, dialOptions);
    },
    listen(address: string, accept: (socket: Socket) => void, listenOptions: ListenOptions = {}): Promise<Listener> {
      const served = servedPaths(accept, listenOptions, limits, options);
      return listenGrpc(address, {
        limits,
        tls,
        plain: listenOptions.plain,
        metadata: protocol === 'grpc' ? GRPC_NODE : OURS,
        ...served,
      });
    },
    async close() {
      messages.close();
      methods.close();
      channels.close();
    },
  };
}

/**
 * What to speak with a node. Its registry record says so; an address that the caller named has none, and there the option
 * decides.
 */
function protocolOf(metadata: DialOptions['metadata'], usual: GrpcProtocol): GrpcProtocol {
  if (metadata?.protocol === 'grpc') return 'grpc';
  return metadata?.transport === undefined ? usual : 'mucp';
}
