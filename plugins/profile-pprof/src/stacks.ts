import type { time } from '@datadog/pprof';

/** A profile as the library hands it out: pprof's tables, with positions in the code that runs. */
export type RecordedProfile = ReturnType<typeof time.stop>;

/** One function on a stack: where it begins in its file. Lines and columns count from 1; 0 is not known. */
export interface Frame {
  readonly name: string;
  /** A path, `node:internal/…`, or `''` for what belongs to the engine. */
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

/** One stack and what was counted on it. */
export interface Stack {
  /** Indices of frames, the innermost first. */
  readonly frames: readonly number[];
  /** One for each kind of value. */
  readonly values: readonly number[];
}

/** What was measured: stacks with values, added up over any number of profiles. */
export interface Stacks {
  /** What the values are, such as `wall` in `nanoseconds`. Empty until something was added. */
  readonly kinds: readonly { readonly type: string; readonly unit: string }[];
  /** How much of the last kind lies between two samples. */
  readonly period: number;
  /** When the measurement began, in milliseconds since the epoch. */
  readonly beganAtMs: number;
  /** How long it has lasted. */
  readonly durationMs: number;
  readonly frames: readonly Frame[];
  readonly stacks: Iterable<Stack>;
  add(profile: RecordedProfile): void;
}

/** More different stacks than this are not told apart: a service that runs for months may have any number of them. */
const MAX_STACKS = 20_000;
/** What stands for the others. */
const OTHERS: readonly KeyedFrame[] = [keyed({ name: '(stacks beyond the limit)', file: '', line: 0, column: 0 })];

interface KeyedFrame {
  readonly frame: Frame;
  /** The same for the same frame. */
  readonly key: string;
}

interface Counted {
  readonly frames: readonly number[];
  readonly values: number[];
}

/** Nothing measured yet, from now on. `maxStacks` is for tests. */
export function createStacks(maxStacks: number = MAX_STACKS): Stacks {
  const frames: Frame[] = [];
  const frameIds = new Map<string, number>();
  const stacks = new Map<string, Counted>();
  const beganAtMs = Date.now();
  let kinds: Stacks['kinds'] = [];
  let period = 0;
  let durationMs = 0;

  /** The ids of frames; those that are new have one only when `intern` says so. */
  const idsOf = (stack: readonly KeyedFrame[], intern: boolean): readonly number[] | undefined => {
    const ids: number[] = [];
    for (const { key, frame } of stack) {
      let id = frameIds.get(key);
      if (id === undefined) {
        if (!intern) return undefined;
        id = frames.push(frame) - 1;
        frameIds.set(key, id);
      }
      ids.push(id);
    }
    return ids;
  };

  const count = (stack: readonly KeyedFrame[], values: readonly number[]): void => {
    const hasRoom = stacks.size < maxStacks || stack === OTHERS;
    const ids = idsOf(stack, hasRoom);
    const found = ids && stacks.get(ids.join());
    if (found !== undefined) {
      values.forEach((value, index) => {
        found.values[index] = (found.values[index] ?? 0) + value;
      });
    } else if (ids !== undefined && hasRoom) stacks.set(ids.join(), { frames: ids, values: [...values] });
    else count(OTHERS, values);
  };

  return {
    get kinds() {
      return kinds;
    },
    get period() {
      return period;
    },
    beganAtMs,
    get durationMs() {
      return durationMs;
    },
    frames,
    get stacks() {
      return stacks.values();
    },
    add(profile) {
      const text = (index: number | bigint): string => profile.stringTable.strings[Number(index)] ?? '';
      const functions = new Map(profile.function.map((one) => [one.id, one]));
      const located = new Map(
        profile.location.map(({ id, line: [line] }): [number | bigint, KeyedFrame] => {
          const called = functions.get(line?.functionId ?? 0);
          const frame = {
            name: text(called?.name ?? 0),
            file: text(called?.filename ?? 0),
            line: Number(line?.line ?? 0),
            column: Number(line?.column ?? 0),
          };
          return [id, keyed(frame)];
        }),
      );
      kinds = profile.sampleType.map(({ type, unit }) => ({ type: text(type), unit: text(unit) }));
      period = Number(profile.period);
      durationMs += Number(profile.durationNanos) / 1e6;
      for (const { locationId, value } of profile.sample) {
        count(
          locationId.flatMap((id) => located.get(id) ?? []),
          value.map(Number),
        );
      }
    },
  };
}

function keyed(frame: Frame): KeyedFrame {
  return { frame, key: frameKey(frame) };
}

/** What tells frames apart. */
export function frameKey({ name, file, line, column }: Frame): string {
  return `${line}:${column}:${file}\0${name}`;
}
