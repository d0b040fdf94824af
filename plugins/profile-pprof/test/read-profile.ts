import { mkdtempSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { Profile } from 'pprof-format';
import { inject } from 'vitest';

/** What a profile says, as far as the tests ask. */
export interface ReadProfile {
  /** The last kind of value, summed up by the function that it was counted on. */
  readonly own: ReadonlyMap<string, number>;
  readonly kinds: readonly string[];
  readonly total: number;
  readonly durationMs: number;
  /** The file and line of each function. */
  readonly places: ReadonlyMap<string, string>;
}

/** Reads a file in pprof's format, or its bytes. */
export function readProfile(source: string | Uint8Array): ReadProfile {
  const bytes = typeof source === 'string' ? readFileSync(source) : source;
  const {
    stringTable,
    function: functions,
    location,
    sample,
    sampleType,
    durationNanos,
  } = Profile.decode(gunzipSync(bytes));
  const text = (index: number | bigint): string => stringTable.strings[Number(index)] ?? '';
  const calledAt = (id: number | bigint | undefined) => {
    const line = location.find((one) => one.id === id)?.line[0];
    return functions.find((one) => one.id === line?.functionId);
  };
  const own = new Map<string, number>();
  let total = 0;
  for (const { locationId, value } of sample) {
    const name = text(calledAt(locationId[0])?.name ?? 0);
    const amount = Number(value.at(-1));
    total += amount;
    own.set(name, (own.get(name) ?? 0) + amount);
  }
  return {
    own,
    kinds: sampleType.map(({ type, unit }) => `${text(type)} in ${text(unit)}`),
    total,
    durationMs: Number(durationNanos) / 1e6,
    places: new Map(functions.map(({ name, filename, startLine }) => [text(name), `${text(filename)}:${startLine}`])),
  };
}

/** The function that most was counted on. */
export function hottest({ own }: ReadProfile): string | undefined {
  return [...own].sort(([, one], [, other]) => other - one)[0]?.[0];
}

/** An empty folder, which is removed after all tests. */
export function testFolder(): string {
  return mkdtempSync(join(inject('scratch'), 'test-'));
}

/** Keeps this thread busy, in a function whose name is in profiles. */
export function burnHere(ms: number): number {
  const until = performance.now() + ms;
  let sum = 0;
  while (performance.now() < until) for (let round = 0; round < 10_000; round++) sum = (sum * 31 + round) % 1_000_003;
  return sum;
}
