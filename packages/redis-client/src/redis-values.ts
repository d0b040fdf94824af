import { batchedValues } from './batched-values.ts';
import type { RedisLink } from './link-types.ts';
import { separateValues } from './separate-values.ts';
import type { RedisValues } from './value-types.ts';

/** The values that a link reaches. */
export function redisValues(link: RedisLink): RedisValues {
  // A command of several keys needs them on one node.
  return link.isCluster ? separateValues(link) : batchedValues(link);
}
