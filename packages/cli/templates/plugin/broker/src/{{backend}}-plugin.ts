import { type Broker, CODE, MicroError, type Plugin } from '@micro/core';
import { {{factory}} } from './{{backend}}-broker.ts';

/**
 * The manifest: `--broker {{flag}} --broker_address host:port`,
 * or the variables `MICRO_BROKER` and `MICRO_BROKER_ADDRESS`.
 */
export const plugin: Plugin<Broker> = {
  api: 1,
  kind: 'broker',
  name: '{{backend}}',
  create({ broker_address: address }, { logger }) {
    if (address === undefined) {
      const detail = 'the broker {{backend}} needs --broker_address (MICRO_BROKER_ADDRESS): where {{backend}} is';
      throw new MicroError({ id: '{{package}}', code: CODE.badRequest, detail });
    }
    // A flag may be given more than once.
    return {{factory}}({ address: String(address), logger });
  },
};
