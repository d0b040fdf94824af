export { plugin } from './plugin.ts';
export { type RedisCacheOptions, redisCache } from './redis-cache.ts';
