import type { Plugin, Transport } from '@micro/core';
import { CODE, MicroError } from '@micro/core';
import { grpcTransport } from './grpc-transport.ts';

/** What `--transport grpc` makes: the transport with its defaults. `client_pool_size` is understood as by the default one. */
export const plugin: Plugin<Transport> = {
  api: 1,
  kind: 'transport',
  name: 'grpc',
  create({ transport_address: addresses, client_pool_size: poolSize }, { logger }) {
    if (Array.isArray(addresses) && addresses.length > 0) {
      const detail = `--transport_address ${JSON.stringify(addresses.join())} means nothing to the transport "grpc": nodes listen where --server_address says`;
      throw new MicroError({ id: 'go.micro.cmd', code: CODE.badRequest, detail });
    }
    return grpcTransport({ logger, poolSize: typeof poolSize === 'number' ? poolSize : undefined });
  },
};
