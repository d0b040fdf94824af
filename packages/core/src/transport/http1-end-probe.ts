import { HEADER } from '../contract/header.ts';
import type { Header } from '../contract/message.ts';
import { now } from '../util/clock.ts';

const FIRST_PAUSE_MS = 50;
const LONGEST_PAUSE_MS = 2_000;
/** go-micro's server queues 128 messages of a stream that nobody reads, then stops reading the connection. */
const MOST_PROBES = 100;

/** No server has such a handler. */
const HANDLER = 'MicroEndOfStreamProbe';

/** What a probe says instead of the fields of the stream's messages; the ids of the stream go with it. */
export const PROBE_FIELDS: Header = Object.freeze({
  [HEADER.METHOD]: `${HANDLER}.Probe`,
  [HEADER.ENDPOINT]: `${HANDLER}.Probe`,
});

/** Whether an error is what a server says to a probe that found no stream any more. */
export function answersProbe(error: string): boolean {
  return error.includes("can't find") && error.includes(HANDLER);
}

/** Asks on a stream whether it is over. */
export interface EndProbe {
  /** Something has arrived. */
  heard(): void;
  close(): void;
}

/**
 * A go-micro server says nothing at the end of a stream whose client has ended first (`docs/wire.md`). So a client that
 * has ended asks, with a message of the same stream for a handler that nobody has: while the handler of the stream runs,
 * the server keeps the message for it; once there is none, the server answers that it cannot find the other. It asks only
 * when the line is quiet, since a Go server writes without a lock, and again after pauses that grow, since a message to
 * a stream that is just ending is lost there.
 */
export function createEndProbe(ask: () => void): EndProbe {
  let pause = FIRST_PAUSE_MS;
  let heardAt = now();
  let asked = 0;
  const wake = (): void => {
    const quiet = now() - heardAt;
    if (quiet < pause / 2) {
      arm(pause - quiet);
      return;
    }
    ask();
    asked += 1;
    pause = Math.min(pause * 1.5, LONGEST_PAUSE_MS);
    if (asked < MOST_PROBES) arm(pause);
  };
  const arm = (ms: number): void => {
    timer = setTimeout(wake, ms);
    timer.unref();
  };
  let timer: NodeJS.Timeout;
  arm(pause);
  return {
    heard() {
      heardAt = now();
    },
    close: () => clearTimeout(timer),
  };
}
