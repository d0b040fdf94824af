import { checkEvent, type EventBody, FIRST_EVENT, nowUs } from './event.ts';
import { createHistogram } from './histogram.ts';

/** Of how many messages in flight one receipt is given: often enough to keep the publisher busy, and no more. */
const RECEIPTS_PER_WINDOW = 4;
/** So many messages may overtake one; past that it is lost. */
const MOST_EARLY = 10_000;

/** How long messages took from before they were published until their handler was called, in microseconds. */
export interface Latencies {
  readonly p50Us: number;
  readonly p99Us: number;
  readonly maxUs: number;
}

/** What the subscriber's half tells the publisher's. */
export interface Receipt {
  /** How many messages have been received in all. */
  readonly received: number;
  /** Given when as many were received as had been asked for: those since the last time. */
  readonly latencies?: Latencies;
}

/** The subscriber's count of what it received. */
export interface Arrivals {
  /** Counts a message; throws when it is not one that was published, came before, or when one before it is lost. */
  take(body: EventBody): void;
  /** Gives a receipt with latencies as soon as the first `total` messages have been received, each of them. */
  upTo(total: number): void;
}

/** Counts messages, up to `inFlight` of which are on their way at any time, and gives a receipt for every few. */
export function createArrivals(inFlight: number, give: (receipt: Receipt) => void): Arrivals {
  const step = Math.max(1, Math.floor(inFlight / RECEIPTS_PER_WINDOW));
  const latencies = createHistogram();
  /** All messages before this one have been received; those after it that have are in `early`. */
  let next = 0;
  const early = new Set<number>();
  let wanted = Number.POSITIVE_INFINITY;

  const arrive = (): void => {
    const received = next + early.size;
    if (next >= wanted) {
      wanted = Number.POSITIVE_INFINITY;
      const within = latencies.percentileUs;
      give({ received, latencies: { p50Us: within(0.5), p99Us: within(0.99), maxUs: within(1) } });
      latencies.clear();
    } else if (received % step === 0) {
      give({ received });
    }
  };

  return {
    take(body) {
      checkEvent(body);
      const index = body.id - FIRST_EVENT;
      if (index < next || early.has(index)) throw new Error(`event ${index} was received twice`);
      latencies.add((nowUs() - body.sentUs) / 1_000);
      if (index !== next) {
        if (early.size >= MOST_EARLY) throw new Error(`event ${next} is lost: ${early.size} after it were received`);
        early.add(index);
      } else {
        do next++;
        while (early.delete(next));
      }
      arrive();
    },
    upTo(total) {
      wanted = total;
      if (next >= wanted) arrive();
    },
  };
}
