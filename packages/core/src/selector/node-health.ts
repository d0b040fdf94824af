import type { Node } from '../contract/registry.ts';
import { CODE } from '../error/code.ts';
import { MicroError } from '../error/micro-error.ts';
import { now } from '../util/clock.ts';
import { fullJitterMs } from '../util/full-jitter.ts';

/** What is known of a node from the calls that went to it. */
export interface NodeHealth {
  /** As the registry has it now. */
  node: Node;
  inFlight: number;
  /** How often in a row it could not be reached. */
  failures: number;
  /** Set aside until then, in milliseconds since the epoch; 0 when it is not. */
  until: number;
  /** One call was let through to see whether it is back. */
  probing: boolean;
  /** The last list of nodes that it was in. */
  generation: number;
}

/** The first pause, and the longest. */
const PAUSE_MIN_MS = 100;
const PAUSE_MAX_MS = 10_000;
/** How long one call may take to find out that a node is back, before another one tries. */
const PROBE_MS = 1_000;

export function newHealth(node: Node, generation: number): NodeHealth {
  return { node, inFlight: 0, failures: 0, until: 0, probing: false, generation };
}

/** What an attempt said about whether the node can be reached: yes, no, or nothing. */
export function reached(error: Error | undefined): boolean | undefined {
  if (error === undefined) return true;
  if (!(error instanceof MicroError)) return undefined;
  if (error.code === CODE.unavailable) return error.unexecuted ? false : undefined;
  // Whoever ran out of time or gave up learned nothing; any other error is an answer.
  return error.code === CODE.timeout || error.code === CODE.cancelled ? undefined : true;
}

/** Sets a node aside, for longer each time: full jitter, doubling from 100 ms to 10 s. Says whether that changed anything. */
export function setAside(health: NodeHealth): boolean {
  const time = now();
  // Calls that were on their way when the first of them failed are one failure together.
  if (health.until > time && !health.probing) return false;
  health.until = time + fullJitterMs(PAUSE_MIN_MS, PAUSE_MAX_MS, health.failures);
  health.failures++;
  health.probing = false;
  return true;
}

/** Lets one call through to a node that is due; the others wait for how it goes, though not for ever. */
export function probe(health: NodeHealth, time: number): void {
  health.probing = true;
  health.until = time + PROBE_MS;
}

/** The node was reached. Says whether it had been set aside. */
export function clear(health: NodeHealth): boolean {
  health.failures = 0;
  health.probing = false;
  if (health.until === 0) return false;
  health.until = 0;
  return true;
}
