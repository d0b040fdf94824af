import type { ConfigObject, ConfigValue } from '../contract/config.ts';
import { emptyObject, isObject, withValue } from './tree.ts';

/** A value and where it belongs. */
export interface NamedValue {
  readonly path: readonly string[];
  readonly value: ConfigValue;
}

/**
 * A tree of values that each have a path, the same in whatever order they come: where one value has the beginning of
 * another's path, such as `BROKER` and `BROKER_ADDRESS`, the longer path stands.
 */
export function treeOf(values: readonly NamedValue[]): ConfigObject {
  let tree: ConfigValue = emptyObject();
  const shortFirst = [...values].sort((a, b) => a.path.length - b.path.length);
  for (const { path, value } of shortFirst) tree = withValue(tree, path, value);
  return isObject(tree) ? tree : emptyObject();
}
