import type { BrokerMessage } from '../contract/broker.ts';
import { CODE } from '../error/code.ts';
import type { MicroError } from '../error/micro-error.ts';
import { now } from '../util/clock.ts';
import { sleep } from '../util/timer.ts';
import { brokerError, handlerError, notConnected } from './broker-error.ts';
import type { FailureReport } from './broker-failure.ts';
import type { BrokerSettings } from './broker-options.ts';
import { createLane, type Entry, type Lane, type Target } from './lane.ts';

/** What an outbox is made from. */
export interface OutboxOptions<T extends Target, P> {
  readonly settings: BrokerSettings;
  /** Who subscribes to a topic now: the same array as long as nothing changed. May throw while nobody can say. */
  readonly targets: (topic: string) => readonly T[] | Promise<readonly T[]>;
  /** Hands a message to a target; `delivery` counts from 1. What certainly did not run throws an `unexecuted` error. */
  readonly send: (target: T, payload: P, delivery: number) => Promise<void>;
  /** The message in a payload, for whoever is told of a failure. */
  readonly read: (payload: P) => BrokerMessage;
  readonly report: (failure: FailureReport) => void;
}

/** What a publisher keeps until it is handled: an inbox per topic, and in it a lane per subscriber and per queue. */
export interface Outbox<P> {
  /** Resolves when the message is kept; waits for room while there is none. Throws 429 when there is none in time. */
  publish(topic: string, payload: P, bytes: number, signal?: AbortSignal): Promise<void>;
  /** Somebody has come or gone: what waits for the topic may have somewhere to go. */
  refresh(topic: string): void;
  /** Waits until everything was handled that can be, up to so long. */
  flush(budgetMs: number): Promise<void>;
  /** Takes nothing more, and gives up what is left. */
  close(): void;
}

interface Inbox<T extends Target, P> {
  readonly topic: string;
  readonly lanes: Map<string, Lane<T, P>>;
  /** What is not in its lanes yet, because nobody has said which they are. */
  unrouted: Entry<P>[];
  routing: boolean;
  known: readonly T[] | undefined;
  messages: number;
  bytes: number;
  /** Publishers that wait for room, the first one first. */
  readonly waiting: { readonly bytes: number; readonly admit: (error?: MicroError) => void }[];
  waitingBytes: number;
}

/** How often a flush looks whether it is done. */
const LOOK_EVERY_MS = 5;

/** Makes an empty outbox. */
export function createOutbox<T extends Target, P>(options: OutboxOptions<T, P>): Outbox<P> {
  const { settings, send } = options;
  const inboxes = new Map<string, Inbox<T, P>>();
  const closing = new AbortController();

  const inboxOf = (topic: string): Inbox<T, P> => {
    let inbox = inboxes.get(topic);
    if (inbox === undefined) {
      inbox = {
        topic,
        lanes: new Map(),
        unrouted: [],
        routing: false,
        known: undefined,
        messages: 0,
        bytes: 0,
        waiting: [],
        waitingBytes: 0,
      };
      inboxes.set(topic, inbox);
    }
    return inbox;
  };

  /** What waits for room is held as well: there may be as much of it as the inbox holds, and no more. */
  const mayWait = ({ waiting, waitingBytes }: Inbox<T, P>, bytes: number): boolean =>
    settings.waitMs > 0 &&
    (waiting.length === 0 || (waiting.length < settings.maxMessages && waitingBytes + bytes <= settings.maxBytes));

  const hasRoom = (inbox: Inbox<T, P>, bytes: number): boolean =>
    inbox.messages === 0 || (inbox.messages < settings.maxMessages && inbox.bytes + bytes <= settings.maxBytes);

  /** A message has left: whoever waits for its room is let in. */
  const release = (inbox: Inbox<T, P>, entry: Entry<P>): void => {
    inbox.messages -= 1;
    inbox.bytes -= entry.bytes;
    for (let first = inbox.waiting[0]; first !== undefined && hasRoom(inbox, first.bytes); first = inbox.waiting[0]) {
      inbox.waiting.shift();
      take(inbox, first.bytes);
      first.admit();
    }
    forget(inbox);
  };

  const take = (inbox: Inbox<T, P>, bytes: number): void => {
    inbox.messages += 1;
    inbox.bytes += bytes;
  };

  const forget = (inbox: Inbox<T, P>): void => {
    if (inbox.messages === 0 && inbox.waiting.length === 0 && inbox.lanes.size === 0 && !inbox.routing) {
      inboxes.delete(inbox.topic);
    }
  };

  const full = (inbox: Inbox<T, P>): MicroError =>
    brokerError(
      CODE.tooManyRequests,
      `the inbox of ${inbox.topic} is full: ${inbox.messages} messages wait for subscribers that do not take them; publish slower, or raise inbox.maxMessages and inbox.maxBytes`,
    );

  const waitForRoom = (inbox: Inbox<T, P>, bytes: number, signal: AbortSignal | undefined): Promise<void> => {
    if (!mayWait(inbox, bytes)) return Promise.reject(full(inbox));
    return new Promise((resolve, reject) => {
      const admit = (error?: MicroError): void => {
        clearTimeout(timer);
        signal?.removeEventListener('abort', onAbort);
        const at = inbox.waiting.indexOf(waiter);
        if (at !== -1) inbox.waiting.splice(at, 1);
        inbox.waitingBytes -= bytes;
        if (error === undefined) resolve();
        else reject(error);
      };
      const waiter = { bytes, admit };
      const onAbort = (): void => admit(aborted(inbox.topic, signal));
      const timer = setTimeout(() => admit(full(inbox)), settings.waitMs);
      signal?.addEventListener('abort', onAbort, { once: true });
      inbox.waiting.push(waiter);
      inbox.waitingBytes += bytes;
    });
  };

  const laneOf = (inbox: Inbox<T, P>, queue: string | undefined): Lane<T, P> =>
    createLane({
      queue,
      settings,
      send,
      refresh: () => refresh(inbox),
      done(entry) {
        entry.lanes -= 1;
        if (entry.lanes === 0) release(inbox, entry);
      },
      failed: (entry, error, deliveries, willRepeat) =>
        options.report({
          topic: inbox.topic,
          error,
          deliveries,
          willRepeat,
          message: () => options.read(entry.payload),
        }),
    });

  /** Gives every subscriber and every queue its lane. */
  const reconcile = (inbox: Inbox<T, P>, targets: readonly T[]): void => {
    if (targets === inbox.known) return;
    inbox.known = targets;
    const byLane = new Map<string, T[]>();
    for (const target of targets) {
      const key = target.queue === undefined ? `1 ${target.id}` : `queue ${target.queue}`;
      const group = byLane.get(key);
      if (group === undefined) byLane.set(key, [target]);
      else group.push(target);
    }
    for (const [key, group] of byLane) {
      if (!inbox.lanes.has(key)) inbox.lanes.set(key, laneOf(inbox, group[0]?.queue));
    }
    for (const [key, lane] of [...inbox.lanes]) lane.update(byLane.get(key) ?? []);
  };

  const prune = (inbox: Inbox<T, P>): void => {
    for (const [key, lane] of inbox.lanes) if (lane.over) inbox.lanes.delete(key);
  };

  const spread = (inbox: Inbox<T, P>, entry: Entry<P>): void => {
    // Held while it is handed round, so that a lane that is done at once does not end it for the others.
    entry.lanes += 1;
    for (const lane of inbox.lanes.values()) if (lane.open) lane.push(entry);
    entry.lanes -= 1;
    if (entry.lanes === 0) release(inbox, entry);
  };

  const refresh = async (inbox: Inbox<T, P>): Promise<void> => {
    try {
      reconcile(inbox, await options.targets(inbox.topic));
    } catch {
      // Nobody can say: those who were known are tried.
    }
  };

  /** Sends what waits to its lanes, as soon as somebody says which they are. Never throws. */
  const route = async (inbox: Inbox<T, P>): Promise<void> => {
    if (inbox.routing) return;
    inbox.routing = true;
    for (let failures = 0; inbox.unrouted.length > 0 && !closing.signal.aborted; ) {
      try {
        const targets = options.targets(inbox.topic);
        reconcile(inbox, targets instanceof Promise ? await targets : targets);
      } catch (error) {
        failures += 1;
        giveUpOld(inbox, handlerError(error));
        await sleep(settings.backoff(failures), closing.signal);
        continue;
      }
      prune(inbox);
      for (const entry of inbox.unrouted.splice(0)) spread(inbox, entry);
    }
    inbox.routing = false;
    forget(inbox);
  };

  const giveUp = (inbox: Inbox<T, P>, entries: readonly Entry<P>[], error: MicroError): void => {
    for (const entry of entries) {
      const message = (): BrokerMessage => options.read(entry.payload);
      options.report({ topic: inbox.topic, error, deliveries: 0, willRepeat: false, message });
      release(inbox, entry);
    }
  };

  const giveUpOld = (inbox: Inbox<T, P>, error: MicroError): void => {
    const oldest = now() - settings.maxAgeMs;
    const old = inbox.unrouted.filter((entry) => entry.at < oldest);
    if (old.length === 0) return;
    inbox.unrouted = inbox.unrouted.filter((entry) => entry.at >= oldest);
    giveUp(inbox, old, error);
  };

  const isMoving = (inbox: Inbox<T, P>): boolean =>
    inbox.unrouted.length > 0 || inbox.waiting.length > 0 || [...inbox.lanes.values()].some((lane) => lane.moving);

  const refuseClosed = (topic: string): void => {
    if (closing.signal.aborted) throw notConnected(topic);
  };

  return {
    async publish(topic, payload, bytes, signal) {
      refuseClosed(topic);
      if (signal?.aborted === true) throw aborted(topic, signal);
      const inbox = inboxOf(topic);
      if (inbox.waiting.length === 0 && hasRoom(inbox, bytes)) take(inbox, bytes);
      else {
        await waitForRoom(inbox, bytes, signal);
        refuseClosed(topic);
      }
      const entry: Entry<P> = { payload, bytes, at: now(), lanes: 0 };
      inbox.unrouted.push(entry);
      void route(inbox);
    },

    refresh(topic) {
      const inbox = inboxes.get(topic);
      if (inbox !== undefined) void refresh(inbox);
    },

    async flush(budgetMs) {
      const end = now() + budgetMs;
      while (now() < end && [...inboxes.values()].some(isMoving)) await sleep(LOOK_EVERY_MS);
    },

    close() {
      closing.abort();
      const error = brokerError(CODE.unavailable, 'the broker was disconnected before a subscriber took it');
      for (const inbox of [...inboxes.values()]) {
        for (const waiter of [...inbox.waiting]) waiter.admit(error);
        giveUp(inbox, inbox.unrouted.splice(0), error);
        for (const lane of inbox.lanes.values()) lane.close(error);
      }
      inboxes.clear();
    },
  };
}

function aborted(topic: string, signal: AbortSignal | undefined): MicroError {
  return brokerError(CODE.cancelled, `publishing to ${topic} was cancelled`, signal?.reason);
}
