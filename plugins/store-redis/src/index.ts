export { plugin } from './plugin.ts';
export { type RedisStoreOptions, redisStore } from './redis-store.ts';
