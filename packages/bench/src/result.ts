import { BASELINE, PEERS } from './peers.ts';
import type { Measurement } from './run.ts';
import type { Work } from './work.ts';

/** One row: a peer doing a work with so many in flight. Every figure is the median of the rounds. */
export interface Row {
  readonly peer: string;
  readonly work: Work;
  readonly inFlight: number;
  /** Calls (or messages of streams) per second. */
  readonly rate: number;
  /** Half of the calls (or whole streams) took no longer than this, in microseconds. */
  readonly p50Us: number;
  readonly p99Us: number;
  /** None took longer. */
  readonly maxUs: number;
  /** User and system time of both processes per 10,000 calls (or messages), in seconds. */
  readonly cpuSecondsPer10k: number;
  /** RAM of the server's and the client's process together at the end of the load, in MB. */
  readonly rssMb: number;
  /** Rate ÷ raw-net's rate in the same round; `null` when raw-net was not measured. So are the next three. */
  readonly ratioToRawNet: number | null;
  readonly p50ToRawNet: number | null;
  readonly cpuToRawNet: number | null;
  readonly rssToRawNet: number | null;
  /** The peer that does the same without us, and rate and CPU time ÷ its in the same round; `null` without one. */
  readonly bare: string | null;
  readonly ratioToBare: number | null;
  readonly cpuToBare: number | null;
  /** Bytes to the server and from it, per call; `null` where nobody counts them. */
  readonly wireBytesPerCall: number | null;
  readonly serverRssMb: number;
  readonly clientRssMb: number;
  /** Share of the cores that other processes took, 0 to 1. The most of all rounds. */
  readonly noise: number;
  /** Calls (or messages) that were answered in one measurement, the warm-up included. */
  readonly calls: number;
  readonly rounds: number;
}

/** The rows of what was measured, in the order in which they first appeared. What failed is left out. */
export function rows(measurements: readonly Measurement[]): readonly Row[] {
  const groups = new Map<string, Done[]>();
  for (const measurement of measurements) {
    const one = done(measurement);
    if (one === undefined) continue;
    const key = `${one.work} ${one.inFlight} ${one.peer}`;
    groups.set(key, [...(groups.get(key) ?? []), one]);
  }
  return [...groups.values()].map((group) => {
    const of = (peer: string | undefined) => groups.get(`${group[0]?.work} ${group[0]?.inFlight} ${peer}`) ?? [];
    return row(group, of(BASELINE), of(PEERS.get(group[0]?.peer ?? '')?.bare));
  });
}

/** The middle of some numbers; 0 of none. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? 0;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? upper) + upper) / 2;
}

interface Figures {
  readonly rate: number;
  readonly p50Us: number;
  readonly p99Us: number;
  readonly maxUs: number;
  readonly cpuSecondsPer10k: number;
  readonly wireBytesPerCall?: number;
  readonly serverRssMb: number;
  readonly clientRssMb: number;
  readonly noise: number;
  readonly calls: number;
}

interface Done extends Figures {
  readonly peer: string;
  readonly work: Work;
  readonly inFlight: number;
  readonly round: number;
}

function done({ outcome, ...measured }: Measurement): Done | undefined {
  return outcome instanceof Error ? undefined : { ...measured, ...outcome };
}

function row(group: readonly Done[], baseline: readonly Done[], bare: readonly Done[]): Row {
  const [first] = group;
  if (first === undefined) throw new Error('a row needs a measurement');
  const middle = (pick: (figures: Figures) => number) => median(group.map(pick));
  const ratio = (pick: (figures: Figures) => number, others = baseline) => {
    const ratios = group.flatMap((one) => {
      const against = others.find((other) => other.round === one.round);
      return against === undefined || pick(against) === 0 ? [] : [pick(one) / pick(against)];
    });
    return ratios.length === 0 ? null : rounded(median(ratios), 3);
  };
  const bytes = group.flatMap((one) => one.wireBytesPerCall ?? []);
  const rss = (one: Figures) => one.serverRssMb + one.clientRssMb;
  return {
    peer: first.peer,
    work: first.work,
    inFlight: first.inFlight,
    rate: Math.round(middle((one) => one.rate)),
    p50Us: rounded(
      middle((one) => one.p50Us),
      1,
    ),
    p99Us: rounded(
      middle((one) => one.p99Us),
      1,
    ),
    maxUs: rounded(
      middle((one) => one.maxUs),
      1,
    ),
    cpuSecondsPer10k: rounded(
      middle((one) => one.cpuSecondsPer10k),
      4,
    ),
    rssMb: rounded(middle(rss), 1),
    ratioToRawNet: ratio((one) => one.rate),
    p50ToRawNet: ratio((one) => one.p50Us),
    cpuToRawNet: ratio((one) => one.cpuSecondsPer10k),
    rssToRawNet: ratio(rss),
    bare: bare[0]?.peer ?? null,
    ratioToBare: ratio((one) => one.rate, bare),
    cpuToBare: ratio((one) => one.cpuSecondsPer10k, bare),
    wireBytesPerCall: bytes.length === 0 ? null : Math.round(median(bytes)),
    serverRssMb: rounded(
      middle((one) => one.serverRssMb),
      1,
    ),
    clientRssMb: rounded(
      middle((one) => one.clientRssMb),
      1,
    ),
    noise: rounded(Math.max(...group.map((one) => one.noise)), 3),
    calls: Math.round(middle((one) => one.calls)),
    rounds: group.length,
  };
}

function rounded(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}
