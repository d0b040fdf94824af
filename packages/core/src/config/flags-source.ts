import type { Flags } from '../contract/cmd.ts';
import type { ConfigSource } from '../contract/config.ts';
import { treeOf } from './name-tree.ts';
import { toObject } from './tree.ts';

/** What a source of flags may take. */
export interface FlagsSourceOptions {
  /** Where flags belong whose name does not say it, such as `{ max_conns: ['db', 'maxConns'] }`. Default: none. */
  readonly paths?: Readonly<Record<string, readonly string[]>> | undefined;
}

/**
 * A source of the flags that were given, as a `Cmd` parses them: those that were not given are absent and leave what
 * earlier sources say. Names become lower case and are cut at `-` and `_` into a path: `--server-address` is
 * `server.address`. Where one flag is the beginning of another, the longer one stands. It never changes.
 */
export function flagsSource(flags: Flags, options: FlagsSourceOptions = {}): ConfigSource {
  const paths = new Map(Object.entries(options.paths ?? {}));
  const values = Object.entries(flags).flatMap(([name, value]) => {
    const path = paths.get(name) ?? name.toLowerCase().split(/[-_]+/).filter(Boolean);
    return value === undefined || path.length === 0 ? [] : [{ path, value }];
  });
  const tree = toObject(treeOf(values), 'the flags');
  return {
    name: 'flags',
    async read() {
      return tree;
    },
  };
}
