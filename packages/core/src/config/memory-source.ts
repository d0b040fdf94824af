import type { ConfigObject, ConfigSource } from '../contract/config.ts';
import { toObject } from './tree.ts';
import { bell, endable } from './waiting.ts';

/** A source whose values are given by the program. */
export interface MemorySource extends ConfigSource {
  /** Replaces all of its values. Whoever watches gets the newest ones. */
  update(values: ConfigObject): void;
}

/** A source with these values, for defaults, for tests, and for what the program finds out while it runs. */
export function memorySource(values: ConfigObject = {}): MemorySource {
  let current = toObject(values, 'the memory source');
  const changes = bell();

  return {
    name: 'memory',
    async read() {
      return current;
    },
    watch: ({ signal }) =>
      endable(signal, async function* watching(until) {
        let seen: ConfigObject | undefined;
        while (!until.aborted) {
          if (seen === current) await changes.wait(until);
          else {
            seen = current;
            yield current;
          }
        }
      }),
    update(newer) {
      current = toObject(newer, 'the memory source');
      changes.ring();
    },
  };
}
