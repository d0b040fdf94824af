import type { Message } from '../contract/message.ts';
import type { Socket } from '../contract/transport.ts';
import { CODE } from '../error/code.ts';
import { MicroError } from '../error/micro-error.ts';

/** What an exchange needs from the connection that carries it. */
export interface Carrier {
  readonly local: string;
  readonly remote: string;
  /** The connection itself is full: whoever sends should wait until `resume` is called on the exchange. */
  readonly congested: boolean;
  /** Writes a message; `last` ends this direction. */
  write(exchange: Exchange, message: Message, last: boolean): void;
  /** Ends this direction without a message. */
  writeEnd(exchange: Exchange): void;
  /** The exchange was given up on this side before it was over: tells the peer. */
  abandon(exchange: Exchange, reason: Error): void;
  /** The receiver took a message of a stream: the peer may send so much more. */
  taken(exchange: Exchange, cost: number): void;
  /** The exchange is over; nothing refers to it any more. Called exactly once. */
  release(exchange: Exchange): void;
  /**
   * Whoever serves an exchange that broke has come to its end too: only now is nobody busy with it. Called once for each
   * accepted exchange that broke.
   */
  abandoned?(exchange: Exchange): void;
}

/** How much a side may send on a stream before the other side has taken any of it. */
export const STREAM_WINDOW = 256 * 1024;

/** What a message counts besides its body, so that a window of empty messages is limited too. */
const MESSAGE_COST = 64;

/** A peer that gives more credit than this is counting wrong. */
const MOST_CREDIT = 0x7fff_ffff;

/** What a message takes of the window. */
export function costOf(message: Message): number {
  return message.body.length + MESSAGE_COST;
}

/** How an exchange is made. */
export interface ExchangeOptions {
  /** What the connection calls it. */
  readonly id: number;
  /** Whether this side opened it. */
  readonly opened: boolean;
  /** It is a stream, and no unary call. */
  readonly stream: boolean;
  /** When it fails unless it is over, in milliseconds since the epoch; whoever carries it sees to that. Default never. */
  readonly deadline?: number | undefined;
  /** How much may be sent on a stream before the other side has said that it took some. Default: as much as one likes. */
  readonly window?: number | undefined;
}

/** Makes an exchange for a transport that lives outside of core. */
export function createExchange(carrier: Carrier, options: ExchangeOptions): Exchange {
  const { id, opened, stream, deadline, window = Number.POSITIVE_INFINITY } = options;
  return new Exchange(carrier, id, opened, stream, deadline, window);
}

/**
 * One exchange on some connection: what every transport of ours shares. It queues what arrives, hands it out one at a
 * time, holds senders back by credit, and knows when it is over. A class because one is made per call: six closures
 * instead would cost more than the rest of the call's bookkeeping.
 */
export class Exchange implements Socket {
  readonly #carrier: Carrier;
  /** What the connection calls it. */
  readonly id: number;
  readonly stream: boolean;
  /** When it fails unless it is over; `Infinity` when it never does. */
  readonly deadline: number;
  /** Whether this side opened it. The client's side is over when the server has ended, the server's when it has. */
  readonly #opened: boolean;

  /** For the carrier: something was sent or received on it. */
  started = false;
  /** For the carrier: what was taken since the sender was last told. */
  untold = 0;
  /** For the carrier: what its request counts among the bytes that are in flight. */
  requestBytes = 0;

  /** The next message; those behind it wait in `#more`. A unary call never needs more than this one place. */
  #next: Message | undefined;
  #more: Message[] | undefined;
  /** What those in `#more` count. */
  #waiting = 0;
  #ended = false;
  #remoteEnded = false;
  #over = false;
  #left = false;
  #failure: Error | undefined;
  #received: ((message: Message | undefined) => void) | undefined;
  #receiveFailed: ((reason: Error) => void) | undefined;
  #credit: number;
  #room: { promise: Promise<void>; resolve: () => void; reject: (reason: Error) => void } | undefined;
  #onClose: ((reason: Error) => void) | undefined;

  constructor(
    carrier: Carrier,
    id: number,
    opened: boolean,
    stream: boolean,
    deadline = Number.POSITIVE_INFINITY,
    window = STREAM_WINDOW,
  ) {
    this.#carrier = carrier;
    this.id = id;
    this.#opened = opened;
    this.stream = stream;
    this.deadline = deadline;
    this.#credit = window;
  }

  get local(): string {
    return this.#carrier.local;
  }

  get remote(): string {
    return this.#carrier.remote;
  }

  get over(): boolean {
    return this.#over;
  }

  /** It was over before both sides had ended. */
  get broken(): boolean {
    return this.#failure !== undefined;
  }

  send(message: Message): void | Promise<void> {
    this.#mustBeOpen();
    if (this.stream) this.#credit -= costOf(message);
    this.#carrier.write(this, message, false);
    if (this.#failure !== undefined) throw this.#failure;
    if (this.#mayGoOn()) return;
    return this.#waitForRoom();
  }

  end(message?: Message): void {
    if (this.#over) this.#leave();
    if (this.#ended && message === undefined) return;
    this.#mustBeOpen();
    if (message === undefined) this.#carrier.writeEnd(this);
    else this.#carrier.write(this, message, true);
    // Only now: a message that could not be written leaves the way open for an error that says so.
    this.#ended = true;
    if (!this.#opened) this.#finish();
  }

  receive(): Message | undefined | Promise<Message | undefined> {
    const message = this.#next;
    if (message !== undefined) {
      const next = this.#more?.shift();
      if (next !== undefined) this.#waiting -= costOf(next);
      this.#next = next;
      if (this.stream && !this.#over) this.#carrier.taken(this, costOf(message));
      return message;
    }
    // What the other side said in full counts as such, even if the connection was lost after it.
    if (this.#remoteEnded) return undefined;
    if (this.#failure !== undefined) throw this.#failure;
    // A unary call is one message, which was there before anybody was asked to serve it: whoever takes the call for a
    // stream is told that there is no more, instead of waiting for what nobody sends.
    if (!this.stream && !this.#opened) return undefined;
    return new Promise((resolve, reject) => {
      this.#received = resolve;
      this.#receiveFailed = reject;
    });
  }

  close(reason: Error = new MicroError({ code: CODE.cancelled, detail: 'the exchange was closed' })): void {
    if (this.#over) {
      this.#leave();
      return;
    }
    this.#carrier.abandon(this, reason);
    this.#next = undefined;
    this.#more = undefined;
    this.fail(reason);
  }

  onClose(listener: (reason: Error) => void): void {
    const before = this.#onClose;
    if (this.#failure !== undefined) listener(this.#failure);
    else if (this.#over) return;
    else if (before === undefined) this.#onClose = listener;
    else {
      this.#onClose = (reason) => {
        before(reason);
        listener(reason);
      };
    }
  }

  /** A message arrived. Says false when the sender had no room for it: it holds to no window. */
  deliver(message: Message): boolean {
    if (this.#over || this.#remoteEnded) return true;
    const received = this.#received;
    if (received !== undefined) {
      this.#received = undefined;
      this.#receiveFailed = undefined;
      if (this.stream) this.#carrier.taken(this, costOf(message));
      received(message);
    } else if (this.#next === undefined) {
      this.#next = message;
    } else {
      // A sender that holds to its window has room left until the message that exceeds it.
      const hadRoom = this.#waiting <= STREAM_WINDOW;
      this.#more ??= [];
      this.#more.push(message);
      this.#waiting += costOf(message);
      return hadRoom;
    }
    return true;
  }

  /** The other side has ended. */
  deliverEnd(): void {
    if (this.#over || this.#remoteEnded) return;
    this.#remoteEnded = true;
    if (this.#next === undefined) {
      const received = this.#received;
      this.#received = undefined;
      this.#receiveFailed = undefined;
      received?.(undefined);
    }
    if (this.#opened) this.#finish();
  }

  /** The exchange broke: what has arrived can still be received, then it throws. */
  fail(reason: Error): void {
    if (this.#over) return;
    this.#failure = reason;
    this.#finish();
    const failed = this.#receiveFailed;
    this.#received = undefined;
    this.#receiveFailed = undefined;
    failed?.(reason);
    const listener = this.#onClose;
    this.#onClose = undefined;
    listener?.(reason);
  }

  /** The other side has room for so much more. Says false when that makes no sense. */
  grant(credit: number): boolean {
    this.#credit += credit;
    this.resume();
    return this.#credit <= MOST_CREDIT;
  }

  /** The connection has room again. */
  resume(): void {
    if (this.#room === undefined || !this.#mayGoOn()) return;
    const { resolve } = this.#room;
    this.#room = undefined;
    resolve();
  }

  #mayGoOn(): boolean {
    return !this.#carrier.congested && (this.#credit > 0 || !this.stream);
  }

  #waitForRoom(): Promise<void> {
    if (this.#room === undefined) {
      let resolve: () => void = () => {};
      let reject: (reason: Error) => void = () => {};
      const promise = new Promise<void>((resolvePromise, rejectPromise) => {
        resolve = resolvePromise;
        reject = rejectPromise;
      });
      // Whoever does not wait for room learns of the failure from the next send or receive.
      promise.catch(() => {});
      this.#room = { promise, resolve, reject };
    }
    return this.#room.promise;
  }

  #mustBeOpen(): void {
    if (this.#failure !== undefined) throw this.#failure;
    if (this.#ended || this.#over) {
      throw new MicroError({ code: CODE.cancelled, detail: 'nothing can be sent on an exchange that has ended' });
    }
  }

  /** The server is done with an exchange that broke before it had answered. */
  #leave(): void {
    if (this.#opened || this.#left || this.#failure === undefined) return;
    this.#left = true;
    this.#carrier.abandoned?.(this);
  }

  #finish(): void {
    if (this.#over) return;
    this.#over = true;
    this.#ended = true;
    this.#carrier.release(this);
    const room = this.#room;
    this.#room = undefined;
    if (this.#failure !== undefined) room?.reject(this.#failure);
    else room?.resolve();
  }
}
