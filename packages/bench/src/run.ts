import { startChild } from './child.ts';
import type { LoadResult } from './load.ts';
import { doesWork, peerNamed } from './peers.ts';
import type { LoadWork, Work } from './work.ts';

/** How long a peer may take to start or to connect, in milliseconds. */
const START_MS = 120_000;
/** What a load may take beyond what was asked for, in milliseconds. */
const SPARE_MS = 120_000;
/** With a number of calls: peers slower than this many per second are given up. */
const SLOWEST_RATE = 1_000;
/** How many events are published when nobody says. */
const EVENTS = 50_000;

/** What to run: every combination of the lists, as far as a peer does a work. */
export interface Plan {
  readonly works: readonly Work[];
  readonly inFlight: readonly number[];
  readonly peers: readonly string[];
  readonly rounds: number;
  /** How long to count, in seconds. Not used with `calls`, nor for events. */
  readonly seconds: number;
  /** Exactly so many calls (or messages) per measurement instead of a time; of events 50,000 when nobody says. */
  readonly calls?: number;
  /** Load before anything is counted, in seconds. Default: each peer's own. */
  readonly warmUpSeconds?: number;
}

/** One peer doing one work once, in fresh processes: two, but for what works only inside one. */
export interface Measurement {
  readonly peer: string;
  readonly work: Work;
  readonly inFlight: number;
  /** From 1. */
  readonly round: number;
  /** The figures, or why there are none. */
  readonly outcome: LoadResult | Error;
}

/** Runs a plan: per work and number in flight the rounds, and in each round every peer once, beginning with another one each time. */
export async function* runPlan(plan: Plan): AsyncGenerator<Measurement, void> {
  for (const work of plan.works) {
    const peers = plan.peers.filter((peer) => doesWork(peer, work));
    for (const inFlight of plan.inFlight) {
      for (let round = 1; round <= plan.rounds; round++) {
        const first = (round - 1) % peers.length;
        for (const peer of [...peers.slice(first), ...peers.slice(0, first)]) {
          const measured =
            work === 'events' ? measureEvents(peer, inFlight, plan) : measure(peer, work, inFlight, plan);
          const outcome = await measured.catch((error: unknown) =>
            error instanceof Error ? error : new Error(String(error)),
          );
          yield { peer, work, inFlight, round, outcome };
        }
      }
    }
  }
}

async function measure(peer: string, work: LoadWork, inFlight: number, plan: Plan): Promise<LoadResult> {
  const warmUpMs = warmUpOf(peer, plan);
  const measureMs = plan.seconds * 1_000;
  const limitMs =
    SPARE_MS + (plan.calls === undefined ? warmUpMs + measureMs : Math.ceil((plan.calls / SLOWEST_RATE) * 1_000));
  const server = startChild(`the server of ${peer}`);
  const client = startChild(`the client of ${peer}`);
  try {
    const { address, pids } = await server.ask({ type: 'serve', peer, work }, 'serving', START_MS);
    const order = {
      work,
      inFlight,
      warmUpMs,
      measureMs,
      limitMs,
      serverPids: [server.pid, ...pids],
      ...(plan.calls === undefined ? {} : { calls: plan.calls }),
    };
    const loaded = client.ask({ type: 'load', peer, address, order }, 'loaded', START_MS + limitMs);
    return (await Promise.race([server.broken, loaded])).result;
  } finally {
    // The client first: a server that goes away under it is a failure in most frameworks' eyes.
    await client.end();
    await server.end();
  }
}

async function measureEvents(peer: string, inFlight: number, plan: Plan): Promise<LoadResult> {
  const warmUpMs = warmUpOf(peer, plan);
  const messages = plan.calls ?? EVENTS;
  const limitMs = SPARE_MS + warmUpMs + Math.ceil((messages / SLOWEST_RATE) * 1_000);
  const order = { inFlight, warmUpMs, messages, limitMs, subscriberPids: [] };
  const subscriber = peerNamed(peer).inOneProcess === true ? undefined : startChild(`the subscriber of ${peer}`);
  const publisher = startChild(`the publisher of ${peer}`);
  try {
    if (subscriber === undefined) {
      return (await publisher.ask({ type: 'publish', peer, order }, 'loaded', START_MS + limitMs)).result;
    }
    const { address, pids } = await subscriber.ask({ type: 'subscribe', peer, inFlight }, 'serving', START_MS);
    const loaded = publisher.ask(
      { type: 'publish', peer, address, order: { ...order, subscriberPids: [subscriber.pid, ...pids] } },
      'loaded',
      START_MS + limitMs,
    );
    return (await Promise.race([subscriber.broken, loaded])).result;
  } finally {
    await publisher.end();
    await subscriber?.end();
  }
}

function warmUpOf(peer: string, plan: Plan): number {
  return plan.warmUpSeconds === undefined ? peerNamed(peer).warmUpMs : plan.warmUpSeconds * 1_000;
}
