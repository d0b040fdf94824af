import { CODE } from '../error/code.ts';
import type { MicroError } from '../error/micro-error.ts';
import { now } from '../util/clock.ts';
import { brokerError, handlerError, isHopeless } from './broker-error.ts';
import type { BrokerSettings } from './broker-options.ts';

/** A subscription as a publisher sees it. */
export interface Target {
  /** Unique among all subscriptions. */
  readonly id: string;
  /** The queue whose messages it shares; `undefined` when it gets every message. */
  readonly queue: string | undefined;
  /** Where it is; one that comes back elsewhere is tried at once. */
  readonly address: string;
  /** How many events it takes at once. */
  readonly concurrency: number;
}

/** A published message on its way to each of its lanes. */
export interface Entry<P> {
  readonly payload: P;
  readonly bytes: number;
  /** When it was published, in milliseconds since the epoch. */
  readonly at: number;
  /** How many lanes it is still in. */
  lanes: number;
}

/** A message in one lane. */
interface Item<P> {
  readonly entry: Entry<P>;
  deliveries: number;
  /** Not to be tried again before, in milliseconds since the epoch. */
  notBefore: number;
  /** Who had it last: another one is tried first. */
  last: string | undefined;
}

/** What is known about a target. */
interface Place<T> {
  target: T;
  inFlight: number;
  /** How often it could not be reached in a row. */
  failures: number;
  downUntil: number;
}

/** What a lane is made from. */
export interface LaneOptions<T extends Target, P> {
  readonly queue: string | undefined;
  readonly settings: BrokerSettings;
  /** Hands a message to a target; resolves when it was handled, throws why it was not. */
  readonly send: (target: T, payload: P, delivery: number) => Promise<void>;
  /** The lane has finished with a message. */
  readonly done: (entry: Entry<P>) => void;
  /** A message was not handled. */
  readonly failed: (entry: Entry<P>, error: MicroError, deliveries: number, willRepeat: boolean) => void;
  /** Asks who the targets are, and tells them to the lane; never throws. */
  readonly refresh: () => Promise<void>;
}

/**
 * The messages of a topic that one subscriber gets, or that one queue shares: handed out in their order, to as many
 * subscribers at once as there are, and as often as it takes.
 */
export interface Lane<T extends Target, P> {
  /** Whether a message that is published now belongs here. */
  readonly open: boolean;
  /** There is nothing in it and nobody will come for it: it can be forgotten. */
  readonly over: boolean;
  /** How many messages are in it. */
  readonly size: number;
  /** Whether a message in it is on its way, or may be soon. */
  readonly moving: boolean;
  push(entry: Entry<P>): void;
  /** Tells who the targets are now. */
  update(targets: readonly T[]): void;
  /** Gives up every message. */
  close(error: MicroError): void;
}

const LOOK_MIN_MS = 100;
const LOOK_MAX_MS = 2_000;
/** A target that could not be reached so often in a row is not waited for by who wants to end. */
const UNREACHABLE_AFTER = 2;

/** Makes an empty lane. */
export function createLane<T extends Target, P>(options: LaneOptions<T, P>): Lane<T, P> {
  const { queue, settings, send, done, failed } = options;
  const places = new Map<string, Place<T>>();
  let ready: Item<P>[] = [];
  let delayed: Item<P>[] = [];
  let inFlight = 0;
  let seenAt = now();
  let looks = 0;
  let timer: NodeJS.Timeout | undefined;
  let timerAt = 0;
  let closed = false;

  const drop = (item: Item<P>, error: MicroError): void => {
    failed(item.entry, error, item.deliveries, false);
    done(item.entry);
  };

  /** Gives up what has waited too long. */
  const expire = (time: number): void => {
    const oldest = time - settings.maxAgeMs;
    const isOld = (item: Item<P>): boolean => item.entry.at < oldest;
    if (!ready.some(isOld) && !delayed.some(isOld)) return;
    const old = [...ready.filter(isOld), ...delayed.filter(isOld)];
    ready = ready.filter((item) => !isOld(item));
    delayed = delayed.filter((item) => !isOld(item));
    const whom = queue === undefined ? 'its subscriber' : `queue ${queue}`;
    for (const item of old) {
      drop(item, brokerError(CODE.timeout, `${whom} did not take it within ${settings.maxAgeMs} ms`));
    }
  };

  /** What has waited long enough goes before what was never tried. */
  const promote = (time: number): void => {
    if (delayed.length === 0) return;
    const due = delayed.filter((item) => item.notBefore <= time);
    if (due.length === 0) return;
    delayed = delayed.filter((item) => item.notBefore > time);
    ready = [...due.sort((a, b) => a.entry.at - b.entry.at), ...ready];
  };

  /** The least busy place that can take the message; of several one at random, and rather not the one that had it last. */
  const pick = (item: Item<P>, time: number): Place<T> | undefined => {
    let best: Place<T> | undefined;
    let ties = 0;
    for (const place of places.values()) {
      if (place.inFlight >= place.target.concurrency || place.downUntil > time) continue;
      const order = best === undefined ? -1 : costOf(place, item) - costOf(best, item);
      if (order < 0) ties = 0;
      if (order > 0) continue;
      ties += 1;
      if (Math.random() * ties < 1) best = place;
    }
    return best;
  };

  const pump = (): void => {
    if (closed) return;
    const time = now();
    promote(time);
    for (;;) {
      const item = ready[0];
      const place = item === undefined ? undefined : pick(item, time);
      if (item === undefined || place === undefined) break;
      ready.shift();
      void deliver(item, place);
    }
    arm(time);
  };

  const deliver = async (item: Item<P>, place: Place<T>): Promise<void> => {
    inFlight += 1;
    place.inFlight += 1;
    item.last = place.target.id;
    try {
      await send(place.target, item.entry.payload, item.deliveries + 1);
      place.failures = 0;
      looks = 0;
      done(item.entry);
    } catch (cause) {
      const error = handlerError(cause);
      if (closed) drop(item, error);
      else notDelivered(item, place, error);
    } finally {
      inFlight -= 1;
      place.inFlight -= 1;
      pump();
    }
  };

  const notDelivered = (item: Item<P>, place: Place<T>, error: MicroError): void => {
    const time = now();
    if (error.unexecuted) {
      place.failures += 1;
      place.downUntil = time + settings.backoff(place.failures);
      ready.unshift(item);
      return;
    }
    place.failures = 0;
    item.deliveries += 1;
    if (isHopeless(error) || item.deliveries >= settings.maxDeliveries) {
      drop(item, error);
      return;
    }
    failed(item.entry, error, item.deliveries, true);
    item.notBefore = time + settings.backoff(item.deliveries);
    delayed.push(item);
  };

  /** Sets the timer for whatever comes first; a lane with something in it always has one, or something in flight. */
  const arm = (time: number): void => {
    if (ready.length + delayed.length === 0) {
      clearTimeout(timer);
      timer = undefined;
      looks = 0;
      return;
    }
    let at = time + Math.min(LOOK_MAX_MS, LOOK_MIN_MS * 2 ** Math.min(looks, 10));
    for (const item of delayed) at = Math.min(at, item.notBefore);
    if (ready.length > 0) {
      for (const { downUntil } of places.values()) if (downUntil > time) at = Math.min(at, downUntil);
    }
    // One that comes first stays: put off with each message it would not come as long as some are handled.
    if (timer !== undefined && timerAt <= at) return;
    clearTimeout(timer);
    timerAt = at;
    timer = setTimeout(wake, Math.max(1, at - time));
  };

  const wake = (): void => {
    timer = undefined;
    looks += 1;
    const look = async (): Promise<void> => {
      await options.refresh();
      if (closed) return;
      pump();
      expire(now());
    };
    void look();
  };

  return {
    get open() {
      // A subscriber that is gone is gone; a queue is kept for a while for those who share it.
      return places.size > 0 || (queue !== undefined && now() - seenAt <= settings.maxAgeMs);
    },
    get over() {
      return this.size === 0 && !this.open;
    },
    get size() {
      return ready.length + delayed.length + inFlight;
    },
    get moving() {
      if (inFlight > 0) return true;
      if (ready.length + delayed.length === 0) return false;
      return [...places.values()].some((place) => place.failures < UNREACHABLE_AFTER);
    },
    push(entry) {
      entry.lanes += 1;
      ready.push({ entry, deliveries: 0, notBefore: 0, last: undefined });
      pump();
    },
    update(targets) {
      const gone = new Set(places.keys());
      if (gone.size > 0) seenAt = now();
      else looks = 0;
      for (const target of targets) {
        gone.delete(target.id);
        const place = places.get(target.id);
        if (place === undefined) {
          places.set(target.id, { target, inFlight: 0, failures: 0, downUntil: 0 });
          continue;
        }
        // It was restarted: what is known about the one before does not count.
        if (place.target.address !== target.address) place.downUntil = 0;
        place.target = target;
      }
      for (const id of gone) places.delete(id);
      if (ready.length + delayed.length > 0) pump();
    },
    close(error) {
      closed = true;
      clearTimeout(timer);
      for (const item of [...ready.splice(0), ...delayed.splice(0)]) drop(item, error);
    },
  };
}

function costOf<T>(place: Place<T>, item: { readonly last: string | undefined }): number {
  const wasLast = (place.target as Target).id === item.last ? 1_000_000 : 0;
  return wasLast + place.inFlight + place.failures * 1_000;
}
