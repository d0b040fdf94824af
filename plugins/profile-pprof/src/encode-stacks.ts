import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import {
  Function as CalledFunction,
  Line,
  Location,
  Mapping,
  Profile,
  Sample,
  StringTable,
  ValueType,
} from 'pprof-format';
import type { Frame, Stacks } from './stacks.ts';

const compress = promisify(gzip);

/**
 * What was measured in pprof's format: protobuf, gzipped, which `go tool pprof` reads. `frames` are the frames of the
 * stacks as they should be shown, in the same order.
 */
export async function encodeStacks(stacks: Stacks, frames: readonly Frame[] = stacks.frames): Promise<Buffer> {
  const stringTable = new StringTable();
  const text = (value: string): number => stringTable.dedup(value);
  const functions = new Map<string, CalledFunction>();
  const locations: Location[] = [];

  const functionOf = ({ name, file, line }: Frame): CalledFunction => {
    const key = `${line}:${file}\0${name}`;
    let found = functions.get(key);
    if (found === undefined) {
      const id = functions.size + 1;
      found = new CalledFunction({
        id,
        name: text(name),
        systemName: text(name),
        filename: text(file),
        startLine: line,
      });
      functions.set(key, found);
    }
    return found;
  };
  frames.forEach((frame, index) => {
    const line = new Line({ functionId: functionOf(frame).id, line: frame.line });
    locations.push(new Location({ id: index + 1, mappingId: 1, line: [line] }));
  });

  const sampleType = stacks.kinds.map(({ type, unit }) => new ValueType({ type: text(type), unit: text(unit) }));
  const last = sampleType.at(-1);
  const profile = new Profile({
    sampleType,
    sample: Array.from(
      stacks.stacks,
      ({ frames: ids, values }) => new Sample({ locationId: ids.map((id) => id + 1), value: values.map(Math.round) }),
    ),
    // Without a mapping pprof complains that it cannot find the binary, and asks the service for names that it has.
    mapping: [
      new Mapping({
        id: 1,
        filename: text(process.argv[1] ?? process.execPath),
        hasFunctions: true,
        hasFilenames: true,
        hasLineNumbers: true,
      }),
    ],
    location: locations,
    function: [...functions.values()],
    stringTable,
    timeNanos: BigInt(stacks.beganAtMs) * 1_000_000n,
    durationNanos: Math.round(stacks.durationMs * 1e6),
    ...(last === undefined ? {} : { periodType: last }),
    period: Math.round(stacks.period),
  });
  return compress(await profile.encodeAsync());
}
