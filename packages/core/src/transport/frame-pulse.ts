import { now } from '../util/clock.ts';

/** Silence of a peer that has something of ours, until it is asked whether it is still there. */
const PING_AFTER_MS = 5_000;
/** Silence after the question until the peer is taken for dead. */
const DEAD_AFTER_MS = 10_000;
/** A look that comes so late says that this process stood still, not the peer. */
export const LATE_LOOK_MS = 3_000;

/** Whether the other side of a connection is alive, judged about once a second. A private class, as its user. */
export class FramePulse {
  #heardAt = now();
  #askedAt: number | undefined;
  #lookedAt = now();

  /** Something has arrived, or nothing could have: the time counts anew. */
  heard(): void {
    this.#heardAt = now();
    this.#askedAt = undefined;
  }

  /** How long nothing has arrived, in milliseconds. */
  silence(time: number): number {
    return time - this.#heardAt;
  }

  /** Whether so much time has passed since the last look that it says nothing about the peer. */
  isLate(time: number): boolean {
    const late = time - this.#lookedAt > LATE_LOOK_MS;
    this.#lookedAt = time;
    return late;
  }

  /** What to do about a peer that is expected to say something. */
  look(time: number): 'wait' | 'ask' | 'dead' {
    if (this.#askedAt !== undefined) return time - this.#askedAt > DEAD_AFTER_MS ? 'dead' : 'wait';
    if (this.silence(time) <= PING_AFTER_MS) return 'wait';
    this.#askedAt = time;
    return 'ask';
  }
}
