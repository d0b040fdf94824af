import { CODE, MicroError, type Plugin, type Registry } from '@micro/core';
import { {{factory}} } from './{{backend}}-registry.ts';

/**
 * The manifest: `--registry {{flag}} --registry_address host:port`,
 * or the variables `MICRO_REGISTRY` and `MICRO_REGISTRY_ADDRESS`.
 */
export const plugin: Plugin<Registry> = {
  api: 1,
  kind: 'registry',
  name: '{{backend}}',
  create({ registry_address: address }) {
    if (address === undefined) {
      const detail = 'the registry {{backend}} needs --registry_address (MICRO_REGISTRY_ADDRESS): where {{backend}} is';
      throw new MicroError({ id: '{{package}}', code: CODE.badRequest, detail });
    }
    // A flag may be given more than once.
    return {{factory}}({ address: String(address) });
  },
};
