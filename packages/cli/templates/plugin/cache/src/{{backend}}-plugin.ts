import { type Cache, CODE, MicroError, type Plugin } from '@micro/core';
import { {{factory}} } from './{{backend}}-cache.ts';

/** Makes a cache from the flag `cache_address`, where an app has one of that name: go-micro has none for a cache. */
export const plugin: Plugin<Cache> = {
  api: 1,
  kind: 'cache',
  name: '{{backend}}',
  create({ cache_address: address }) {
    if (address === undefined) {
      const detail = 'the cache {{backend}} needs --cache_address: where {{backend}} is';
      throw new MicroError({ id: '{{package}}', code: CODE.badRequest, detail });
    }
    // A flag may be given more than once.
    return {{factory}}({ address: String(address) });
  },
};
