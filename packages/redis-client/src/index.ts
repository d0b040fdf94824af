export type {
  RedisArgument,
  RedisClient,
  RedisClusterConnection,
  RedisCommands,
  RedisConnection,
} from './client-types.ts';
export { type LinkOwner, type RedisCall, type RedisLink, redisLink } from './redis-link.ts';
export type { RedisOptions } from './redis-options.ts';
export { type RedisValue, type RedisValues, type RedisWriteOptions, redisValues } from './redis-values.ts';
