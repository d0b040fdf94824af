import { redisStore } from '@micro/store-redis';
import type { StorePeer } from '../peer.ts';
import { serveRedis } from './redis-server.ts';

/** Micro's store in Redis. */
export const microRedis: StorePeer = {
  serve: serveRedis,
  async open(url) {
    const store = redisStore({ url, table: 'bench/' });
    return {
      write: (key, value) => store.write({ key, value }),
      read: async (key) => (await store.read(key))[0]?.value,
      list: () => store.list(),
      close: () => store.close(),
    };
  },
};
