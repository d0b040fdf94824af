export type {
  RedisArgument,
  RedisClient,
  RedisClusterConnection,
  RedisCommands,
  RedisConnection,
  RedisPipeline,
  RedisStream,
} from './client-types.ts';
export type { LinkOwner, RedisCall, RedisLink } from './link-types.ts';
export { oddReply } from './redis-error.ts';
export { redisLink } from './redis-link.ts';
export type { RedisOptions } from './redis-options.ts';
export { redisValues } from './redis-values.ts';
export type { RedisValue, RedisValues, RedisWriteOptions } from './value-types.ts';
