import { Function as CalledFunction, Line, Location, Profile, Sample, StringTable, ValueType } from 'pprof-format';
import { expect, test } from 'vitest';
import { encodeStacks } from '../src/encode-stacks.ts';
import { createStacks, type RecordedProfile } from '../src/stacks.ts';
import { readProfile } from './read-profile.ts';

/** A profile with one stack of one function for each name, on which so many samples of 10 ms were counted. */
function recorded(counts: Readonly<Record<string, number>>): RecordedProfile {
  const stringTable = new StringTable();
  const names = Object.keys(counts);
  const unit = new ValueType({ type: stringTable.dedup('wall'), unit: stringTable.dedup('nanoseconds') });
  return new Profile({
    stringTable,
    sampleType: [unit],
    periodType: unit,
    period: 10e6,
    durationNanos: 1e9,
    function: names.map(
      (name, index) =>
        new CalledFunction({ id: index + 1, name: stringTable.dedup(name), filename: stringTable.dedup('/a.js') }),
    ),
    location: names.map(
      (_, index) => new Location({ id: index + 1, line: [new Line({ functionId: index + 1, line: 5, column: 7 })] }),
    ),
    sample: names.map((name, index) => new Sample({ locationId: [index + 1], value: [(counts[name] ?? 0) * 10e6] })),
  }) as unknown as RecordedProfile;
}

test('what several profiles counted on one stack is added up', async () => {
  const stacks = createStacks();
  stacks.add(recorded({ a: 1, b: 2 }));
  stacks.add(recorded({ c: 3, b: 4 }));
  expect(stacks.durationMs).toBe(2_000);
  expect(stacks.frames.map(({ name }) => name)).toEqual(['a', 'b', 'c']);
  const read = readProfile(await encodeStacks(stacks));
  expect([...read.own]).toEqual([
    ['a', 10e6],
    ['b', 60e6],
    ['c', 30e6],
  ]);
  expect(read.durationMs).toBe(2_000);
});

test('stacks beyond the limit are counted together, and those that are known on', () => {
  const stacks = createStacks(2);
  stacks.add(recorded({ a: 1, b: 1, c: 1, d: 1 }));
  stacks.add(recorded({ e: 1, b: 1 }));
  const counted = [...stacks.stacks].map(({ frames: [first = -1], values: [value = 0] }) => [
    stacks.frames[first]?.name,
    value / 10e6,
  ]);
  expect(counted).toEqual([
    ['a', 1],
    ['b', 2],
    ['(stacks beyond the limit)', 3],
  ]);
  // Nor is anything kept of the functions on them.
  expect(stacks.frames).toHaveLength(3);
});

test('of nothing there is a profile too', async () => {
  expect(readProfile(await encodeStacks(createStacks()))).toMatchObject({ total: 0, kinds: [] });
});

test('numbers beyond what a double holds exactly are still about right', async () => {
  const stacks = createStacks();
  for (let count = 0; count < 3; count++) stacks.add(recorded({ a: 5e8 }));
  expect(readProfile(await encodeStacks(stacks)).total).toBe(15e15);
});
