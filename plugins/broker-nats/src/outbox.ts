import { CODE, type MicroError } from '@micro/core';
import { brokerError, onAbort } from '@micro/core/plugin';
import type { NatsConnection } from 'nats';
import type { NatsSettings } from './nats-options.ts';

/** A message on its way to the server. */
export interface Letter {
  /** Grows with each one: their order, and what a reply names. */
  readonly id: number;
  readonly topic: string;
  readonly payload: Buffer;
  /** What the server knows it again by when it gets it twice, with JetStream. Default: made from its id. */
  readonly messageId: string | undefined;
  /** When it is given up, on the clock of `performance.now()`. */
  readonly endsAt: number;
  /** When it was last sent on the connection there is; `undefined` while it waits, and when it was settled. */
  sentAt: number | undefined;
  /** Why it was not taken at its last try. */
  trouble: string | undefined;
  /** One of the two is called, once. */
  readonly resolve: () => void;
  readonly reject: (error: MicroError, letter: Letter) => void;
  /** Takes the listener off the publisher's signal. */
  detach: (() => void) | undefined;
}

/** What a way of sending tells the outbox. */
export interface CarrierEvents {
  /** The server has it. */
  accepted(letter: Letter): void;
  /** It will not be taken, however often it is sent. */
  rejected(letter: Letter, error: MicroError): void;
  /** It was not taken now: it is sent again after a while. */
  postponed(letter: Letter, reason: string): void;
}

/** A way of sending letters and of learning that they have arrived. Nothing in it throws. */
export interface Carrier {
  /** How many letters are sent and not confirmed, at most. */
  readonly window: number;
  /** When a letter that was sent and not confirmed is sent again although the connection stands, in milliseconds. */
  readonly resendMs: number;
  up(connection: NatsConnection): void;
  down(): void;
  send(letter: Letter): void;
  /** The letter was settled: nothing is to be told of it any more. */
  forget(letter: Letter): void;
}

/** What an outbox is made from. */
export interface NatsOutboxOptions {
  readonly settings: NatsSettings;
  readonly carrier: (events: CarrierEvents) => Carrier;
  /** Which server, and what is wrong with it. */
  readonly trouble: () => string;
  /** With `confirm: false`: a message that was accepted here is lost. */
  readonly lost: (letter: Letter, error: MicroError) => void;
}

/** What one publication says. */
export interface PostOptions {
  readonly signal?: AbortSignal | undefined;
  readonly messageId?: string | undefined;
}

/** Keeps what is published until the server has it, through the loss of connections, within limits. */
export interface NatsOutbox {
  /** Resolves when the server has it. Throws 429 when the outbox is full, 408 or 503 when there was no time left. */
  post(topic: string, payload: Buffer, options?: PostOptions): Promise<void>;
  /** There is a connection: everything is sent again that was not confirmed, in its order. */
  up(connection: NatsConnection): void;
  down(): void;
  /** The server does not let us publish there. */
  refused(subject: string): void;
  /** Waits until it is empty, up to so long. */
  flush(budgetMs: number): Promise<void>;
  /** Gives up what is left. */
  close(): void;
}

/** How often, at most, letters are looked through for those that are late. */
const LOOK_EVERY_MS = 100;
const POSTPONED_MS = 150;
/** So many letters may be behind the next one to be sent before they are let go of. */
const MOST_PASSED = 1_000;

/** Makes an empty outbox. */
export function createNatsOutbox({ settings, carrier: makeCarrier, trouble, lost }: NatsOutboxOptions): NatsOutbox {
  const { publishTimeoutMs, maxMessages, maxBytes, confirm } = settings;
  /** In their order, which is that of their ends too. */
  const letters = new Map<number, Letter>();
  let bytes = 0;
  let made = 0;
  /** In their order; a letter that was settled meanwhile is passed over. */
  let unsent: Letter[] = [];
  let next = 0;
  let inFlight = 0;
  let isUp = false;
  let timer: NodeJS.Timeout | undefined;
  const whenEmpty: (() => void)[] = [];

  const remove = (letter: Letter): boolean => {
    if (!letters.delete(letter.id)) return false;
    bytes -= letter.payload.length;
    if (letter.sentAt !== undefined) inFlight -= 1;
    letter.sentAt = undefined;
    carrier.forget(letter);
    if (letters.size === 0 && whenEmpty.length > 0) for (const resolve of whenEmpty.splice(0)) resolve();
    return true;
  };

  const settle = (letter: Letter, error: MicroError | undefined): void => {
    if (!remove(letter)) return;
    letter.detach?.();
    if (error === undefined) letter.resolve();
    else letter.reject(error, letter);
    if (next < unsent.length) pump();
  };

  const carrier = makeCarrier({
    accepted: (letter) => settle(letter, undefined),
    rejected: settle,
    postponed(letter, reason) {
      letter.trouble = reason;
      if (letter.sentAt !== undefined) inFlight -= 1;
      letter.sentAt = undefined;
      const again = (): void => {
        if (letters.has(letter.id) && letter.sentAt === undefined) enqueue(letter);
      };
      setTimeout(again, POSTPONED_MS).unref();
    },
  });

  const enqueue = (letter: Letter): void => {
    // The next connection begins with all that is left by then: what is given up before that is not kept for it.
    if (!isUp) return;
    unsent.push(letter);
    pump();
  };

  const pump = (): void => {
    if (!isUp) return;
    while (next < unsent.length && inFlight < carrier.window) {
      const letter = unsent[next];
      next += 1;
      if (letter === undefined || letter.sentAt !== undefined || !letters.has(letter.id)) continue;
      inFlight += 1;
      letter.sentAt = performance.now();
      carrier.send(letter);
    }
    if (next === unsent.length) {
      unsent = [];
      next = 0;
    } else if (next > MOST_PASSED && next * 2 > unsent.length) {
      // Under load it is never empty: what was passed is let go of while the rest still waits.
      unsent = unsent.slice(next);
      next = 0;
    }
  };

  const late = (letter: Letter): MicroError => {
    const after = `within ${publishTimeoutMs} ms`;
    const why = letter.trouble === undefined ? '' : ` (${letter.trouble})`;
    const detail = `publishing to ${letter.topic} was not confirmed ${after} by the NATS server at ${trouble()}${why}`;
    return brokerError(isUp ? CODE.timeout : CODE.unavailable, detail);
  };

  /** Gives up what is late, and sends again what the server ought to have confirmed long ago. */
  const look = (): void => {
    timer = undefined;
    const now = performance.now();
    for (const letter of letters.values()) {
      if (letter.endsAt > now) break;
      settle(letter, late(letter));
    }
    if (isUp && Number.isFinite(carrier.resendMs)) {
      for (const letter of letters.values()) {
        if (letter.sentAt === undefined || now - letter.sentAt < carrier.resendMs) continue;
        letter.sentAt = now;
        carrier.send(letter);
      }
    }
    arm();
  };

  /** A timer that was set stays when the outbox is empty: setting one for each message would cost more than the message. */
  const arm = (): void => {
    const [first] = letters.values();
    if (timer !== undefined || first === undefined) return;
    const wait = Math.min(first.endsAt - performance.now(), carrier.resendMs / 2, 1_000);
    timer = setTimeout(look, Math.max(LOOK_EVERY_MS, wait));
    timer.unref();
  };

  const refuseFull = (topic: string): MicroError => {
    const held = `${letters.size} messages of ${bytes} bytes wait to be confirmed`;
    const detail = isUp
      ? `cannot publish to ${topic}: ${held}, which is the limit; publish slower, or raise outbox`
      : `cannot publish to ${topic}: ${held}, which is the limit, and there is no NATS server: ${trouble()}`;
    return brokerError(isUp ? CODE.tooManyRequests : CODE.unavailable, detail);
  };

  const letterOf = (
    topic: string,
    payload: Buffer,
    messageId: string | undefined,
    resolve: Letter['resolve'],
    reject: Letter['reject'],
  ): Letter => {
    made += 1;
    const endsAt = performance.now() + publishTimeoutMs;
    return {
      id: made,
      topic,
      payload,
      messageId,
      endsAt,
      sentAt: undefined,
      trouble: undefined,
      resolve,
      reject,
      detach: undefined,
    };
  };

  const keep = (letter: Letter): void => {
    letters.set(letter.id, letter);
    bytes += letter.payload.length;
    if (timer === undefined) arm();
    enqueue(letter);
  };

  return {
    post(topic, payload, { signal, messageId } = {}) {
      if (signal?.aborted === true) return Promise.reject(cancelled(topic, signal));
      const isFull = letters.size >= maxMessages || (letters.size > 0 && bytes + payload.length > maxBytes);
      if (isFull) return Promise.reject(refuseFull(topic));
      if (!confirm) {
        keep(
          letterOf(
            topic,
            payload,
            messageId,
            () => {},
            (error, letter) => lost(letter, error),
          ),
        );
        return ACCEPTED;
      }
      return new Promise((resolve, reject) => {
        const letter = letterOf(topic, payload, messageId, resolve, reject);
        if (signal !== undefined) letter.detach = onAbort(signal, () => settle(letter, cancelled(topic, signal)));
        keep(letter);
      });
    },

    up(connection) {
      isUp = true;
      unsent = [...letters.values()];
      next = 0;
      inFlight = 0;
      for (const letter of unsent) letter.sentAt = undefined;
      carrier.up(connection);
      pump();
    },

    down() {
      isUp = false;
      inFlight = 0;
      unsent = [];
      next = 0;
      for (const letter of letters.values()) letter.sentAt = undefined;
      carrier.down();
    },

    refused(subject) {
      for (const letter of [...letters.values()]) {
        if (letter.topic !== subject || letter.sentAt === undefined) continue;
        settle(letter, brokerError(CODE.forbidden, `the NATS server does not let us publish to ${subject}`));
      }
    },

    async flush(budgetMs) {
      if (letters.size === 0 || budgetMs <= 0) return;
      let limit: NodeJS.Timeout | undefined;
      await new Promise<void>((resolve) => {
        whenEmpty.push(resolve);
        if (Number.isFinite(budgetMs)) limit = setTimeout(resolve, budgetMs);
      });
      clearTimeout(limit);
    },

    close() {
      isUp = false;
      clearTimeout(timer);
      timer = undefined;
      for (const letter of [...letters.values()]) {
        const detail = `publishing to ${letter.topic} was not confirmed before the broker was disconnected: ${trouble()}`;
        settle(letter, brokerError(CODE.unavailable, detail));
      }
      unsent = [];
      next = 0;
    },
  };
}

const ACCEPTED = Promise.resolve();

function cancelled(topic: string, signal: AbortSignal): MicroError {
  return brokerError(CODE.cancelled, `publishing to ${topic} was cancelled`, signal.reason);
}
