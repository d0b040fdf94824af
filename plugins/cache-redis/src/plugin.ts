import { type Cache, CODE, type Plugin } from '@micro/core';
import { cacheError } from '@micro/core/plugin';
import { redisCache } from './redis-cache.ts';

/**
 * Makes a cache from the flag `cache_address`, where an app has one of that name: go-micro has none for a cache. It is where
 * Redis is: one address, the nodes of a cluster, or sentinels.
 */
export const plugin: Plugin<Cache> = {
  api: 1,
  kind: 'cache',
  name: 'redis',
  create({ cache_address: address }, { logger }) {
    if (address === undefined || typeof address === 'string') return redisCache({ url: address, logger });
    if (Array.isArray(address) && address.every((one) => typeof one === 'string'))
      return redisCache({ url: address, logger });
    throw cacheError(CODE.badRequest, '--cache_address is no text');
  },
};
