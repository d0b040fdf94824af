import { CODE, MicroError, type Plugin, type Transport } from '@micro/core';
import { {{factory}} } from './{{backend}}-transport.ts';

/**
 * The manifest: `--transport {{flag}}`, or `MICRO_TRANSPORT={{flag}}`.
 * Nodes listen where `--server_address` says.
 */
export const plugin: Plugin<Transport> = {
  api: 1,
  kind: 'transport',
  name: '{{backend}}',
  create({ transport_address: address }) {
    if (address !== undefined) {
      const detail = '--transport_address means nothing to the transport {{backend}}: give --server_address';
      throw new MicroError({ id: '{{package}}', code: CODE.badRequest, detail });
    }
    return {{factory}}();
  },
};
