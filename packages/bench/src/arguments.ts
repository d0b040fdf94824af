import { parseArgs } from 'node:util';
import { PEERS, peerNamed } from './peers.ts';
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
  --in-flight LIST   calls or streams waiting at any time (default 64)
  --peers LIST       ${[...PEERS.keys()].join(', ')} (default all)
  --seconds N        how long to count, per measurement (default 3)
  --calls N          exactly so many calls or messages instead, a tenth (at most 10,000) of them as warm-up
  --warm-up N        seconds of load before counting (default: each peer's own, 1 or 3); not with --calls
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
      peers: { type: 'string', default: [...PEERS.keys()].join(',') },
      seconds: { type: 'string', default: '3' },
      calls: { type: 'string' },
      'warm-up': { type: 'string' },
      rounds: { type: 'string', default: '3' },
      json: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return undefined;
  const peers = list(values.peers);
  for (const peer of peers) peerNamed(peer);
  return {
    plan: {
      works: list(values.work).map(work),
      inFlight: list(values['in-flight']).map((text) => integer('--in-flight', text, 1, 10_000)),
      peers,
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
