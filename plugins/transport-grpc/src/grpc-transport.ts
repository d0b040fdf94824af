import type { Listener, ListenOptions, Socket, Transport } from '@micro/core';
import { createChannels } from './channels.ts';
import { type GrpcTransportOptions, grpcLimits } from './grpc-options.ts';
import { listenGrpc } from './listen.ts';
import { createMessageClient, OURS, STREAM_PATH } from './message-client.ts';
import { serveMessages } from './serve-messages.ts';

/**
 * go-micro's gRPC transport (`go.micro.transport.grpc.Transport/Stream`), interchangeable with the Go plugin. All exchanges
 * with a peer share one HTTP/2 connection.
 */
export function grpcTransport(options: GrpcTransportOptions = {}): Transport {
  const limits = grpcLimits(options);
  const channels = createChannels(limits, options.tls);
  const messages = createMessageClient(channels, limits);

  return {
    name: 'grpc',
    dial: (address, dialOptions) => messages.dial(address, dialOptions),
    listen(address: string, accept: (socket: Socket) => void, listenOptions: ListenOptions = {}): Promise<Listener> {
      return listenGrpc(address, {
        limits,
        tls: options.tls,
        plain: listenOptions.plain,
        metadata: OURS,
        accept,
        paths(serve) {
          serve(STREAM_PATH, ({ call, local, remote, closed }) =>
            serveMessages(call, { accept, limits, local, remote, closed }),
          );
        },
      });
    },
    async close() {
      messages.close();
      channels.close();
    },
  };
}
