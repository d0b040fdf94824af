import { redisCache } from '@micro/cache-redis';
import { CODE, createService, MicroError } from '@micro/core';
import { etcdRegistry } from '@micro/registry-etcd';
import { redisStore } from '@micro/store-redis';
import { readJson, writeJson } from './json-records.js';
import { settings } from './settings.js';
import { Catalogue } from './shop.js';

const { etcd, redis, logger } = settings('catalogue');
const store = redisStore({ url: redis, table: 'prices/', logger });
const cache = redisCache({ url: redis, ttlMs: 60_000, logger });
const cacheKey = (item: string): string => `price-cache/${item}`;

const service = createService({
  name: 'catalogue',
  registry: etcdRegistry({ hosts: etcd, logger }),
  // The service closes what it was given, when it stops.
  store,
  cache,
  logger,
  server: { address: '127.0.0.1:0' },
});

service.server.handle(Catalogue, {
  async price({ item }, { signal }) {
    // A cache that cannot be asked has no answer: the store has.
    const cached = await cache.get(cacheKey(item)).catch(() => undefined);
    if (cached !== undefined) return { cents: Number(cached.value), readFrom: 'cache' };
    const cents = await readJson<number>(store, item, signal);
    if (cents === undefined) {
      throw new MicroError({ id: 'catalogue', code: CODE.notFound, detail: `${item} is not sold here` });
    }
    await cache.put(cacheKey(item), cents).catch(() => {});
    return { cents, readFrom: 'store' };
  },

  async setPrice({ item, cents }, { signal }) {
    await writeJson(store, item, cents, signal);
    // Not before, or a reader could put the old price back. Should this fail, the caller sets the price again.
    await cache.delete(cacheKey(item));
    return {};
  },
});

await service.run();
