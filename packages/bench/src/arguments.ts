import { parseArgs } from 'node:util';
import { doesWork, PEERS } from './peers.ts';
import type { Plan } from './run.ts';
import { WORKS, type Work } from './work.ts';

/** What the command line asked for. */
export interface Arguments {
  readonly plan: Plan;
  /** Where the rows go as JSON. */
  readonly json?: string;
}

/** What `--help` prints. */
export const USAGE = `npm run bench -- [options]

  --work LIST        ${WORKS.join(', ')} (default unary-small)
  --in-flight LIST   calls, streams or events on their way at any time (default 64)
  --peers LIST       ${[...PEERS.keys()].join(', ')} (default all that do the work)
  --seconds N        how long to count, per measurement (default 3); not for events
  --calls N          exactly so many calls or messages instead, a tenth (at most 10,000) of them as warm-up;
                     of events exactly so many after the warm-up (default 50,000)
  --warm-up N        seconds of load before counting (default: each peer's own, 1 or 3); not with --calls, but for events
  --rounds N         how often each peer has its turn (default 3)
  --json FILE        write the rows there

Lists are separated by commas.`;

/** Reads the command line; `undefined` when it asks for help. Throws with the value at fault. */
export function readArguments(argv: readonly string[]): Arguments | undefined {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      work: { type: 'string', default: 'unary-small' },
      'in-flight': { type: 'string', default: '64' },
      peers: { type: 'string' },
      seconds: { type: 'string', default: '3' },
      calls: { type: 'string' },
      'warm-up': { type: 'string' },
      rounds: { type: 'string', default: '3' },
      json: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return undefined;
  const works = list(values.work).map(work);
  return {
    plan: {
      works,
      inFlight: list(values['in-flight']).map((text) => integer('--in-flight', text, 1, 10_000)),
      peers: peersFor(works, values.peers),
      rounds: integer('--rounds', values.rounds, 1, 1_000),
      seconds: seconds('--seconds', values.seconds, 0.1),
      ...(values.calls === undefined ? {} : { calls: integer('--calls', values.calls, 1, 100_000_000) }),
      ...(values['warm-up'] === undefined ? {} : { warmUpSeconds: seconds('--warm-up', values['warm-up'], 0) }),
    },
    ...(values.json === undefined ? {} : { json: values.json }),
  };
}

function list(text: string): readonly string[] {
  const parts = text.split(',').map((part) => part.trim());
  const named = parts.filter((part, index) => part !== '' && parts.indexOf(part) === index);
  if (named.length === 0) throw new Error('a list is empty');
  return named;
}

function work(name: string): Work {
  const found = WORKS.find((known) => known === name);
  if (found === undefined) throw new Error(`no work is called ${name}; there are ${WORKS.join(', ')}`);
  return found;
}

/** The peers that were named, or all that do one of the works. Each of them has to do one, and each work to have one. */
function peersFor(works: readonly Work[], named: string | undefined): readonly string[] {
  const doesAny = (peer: string) => works.some((wanted) => doesWork(peer, wanted));
  if (named === undefined) return [...PEERS.keys()].filter(doesAny);
  const peers = list(named);
  for (const peer of peers) {
    if (!doesAny(peer)) throw new Error(`${peer} does no ${works.join(', ')}`);
  }
  for (const wanted of works) {
    if (peers.some((peer) => doesWork(peer, wanted))) continue;
    const able = [...PEERS.keys()].filter((peer) => doesWork(peer, wanted));
    throw new Error(`none of ${peers.join(', ')} does ${wanted}; ${able.join(', ')} do`);
  }
  return peers;
}

function integer(option: string, text: string, least: number, most: number): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < least || value > most) {
    throw new Error(`${option} is ${text}, which is not a whole number from ${least} to ${most}`);
  }
  return value;
}

function seconds(option: string, text: string, least: number): number {
  const value = Number(text);
  if (text.trim() === '' || !(value >= least && value <= 600)) {
    throw new Error(`${option} is ${text}, which is not a number of seconds from ${least} to 600`);
  }
  return value;
}
