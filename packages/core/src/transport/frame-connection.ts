import type { Socket as NetSocket } from 'node:net';
import type { Message } from '../contract/message.ts';
import type { Socket } from '../contract/transport.ts';
import { CODE } from '../error/code.ts';
import { MicroError } from '../error/micro-error.ts';
import { formatAddress } from '../util/address.ts';
import { now } from '../util/clock.ts';
import { createDeadlineTimer } from '../util/deadline-timer.ts';
import { type Carrier, Exchange, STREAM_WINDOW } from './exchange.ts';
import { cancelled, isReset, late, leaving, lost, tooLarge, unheard } from './exchange-errors.ts';
import { ExchangeTable } from './exchange-table.ts';
import {
  FIRST_OPTIONAL_KIND,
  FLAG,
  KIND,
  LONGEST_DEFINING_FRAME,
  MESSAGE_HEAD,
  PREFACE,
  REQUIRED_FLAGS,
} from './frame.ts';
import { FrameHeaders } from './frame-headers.ts';
import { decodeError, decodeSettings, decodeText, UNKNOWN_SETTINGS } from './frame-payload.ts';
import { FramePulse } from './frame-pulse.ts';
import { FrameReader, type FrameSink } from './frame-reader.ts';
import { FrameWriter } from './frame-writer.ts';
import type { Limits } from './limits.ts';

/** How long the last bytes may take to leave, and the peer to close its side, when the connection ends. */
const FLUSH_WITHIN_MS = 4_000;

/** What a connection of frames is made with. */
export interface FrameConnectionOptions {
  readonly limits: Limits;
  /** What the peer is called in errors: the address that was dialled, or the peer's own. */
  readonly peer: string;
  /** Called with each exchange that the peer opens; absent on the side that dialled. */
  readonly accept?: ((socket: Socket) => void) | undefined;
  /** Called once when the connection has ended. */
  readonly closed: () => void;
}

/**
 * One connection that many exchanges share. It reads and writes frames, gives back credit, answers pings, and ends what
 * is open when it ends itself. A private class: it is on the path of every call.
 */
export class FrameConnection implements Carrier, FrameSink {
  readonly #socket: NetSocket;
  readonly #writer: FrameWriter;
  readonly #headers: FrameHeaders;
  readonly #reader: FrameReader;
  readonly #options: FrameConnectionOptions;
  readonly #limits: Limits;
  readonly #open = new ExchangeTable();
  readonly #deadlines = createDeadlineTimer((time) => this.#expire(time));

  /** The id of the newest exchange, ours on the side that dialled, the peer's on the other. */
  #newest = 0;
  #prefaceLeft = PREFACE.length;
  #started = false;
  #bytesInFlight = 0;
  /** Exchanges that the peer gave up and whose handlers still run: cancelling is no way around the limit. */
  #unfinished = 0;
  #draining = false;
  #ended = false;
  /** Reading waits, since the peer does not take what it asked for. */
  #paused = false;
  #peer = UNKNOWN_SETTINGS;

  readonly #pulse = new FramePulse();
  #usedAt = now();
  #referenced = true;

  constructor(socket: NetSocket, options: FrameConnectionOptions) {
    this.#socket = socket;
    this.#options = options;
    this.#limits = options.limits;
    this.#writer = new FrameWriter(
      socket,
      this.#limits,
      () => this.#congest(),
      () => this.#resume(),
    );
    this.#headers = new FrameHeaders(this.#limits);
    const longest = this.#limits.maxMessageBytes + this.#limits.maxHeaderBytes * 2 + MESSAGE_HEAD + 8;
    this.#reader = new FrameReader(this, Math.max(longest, LONGEST_DEFINING_FRAME));
    this.#writer.begin();
    // Before anything runs here: a peer whose connection ends without a byte of ours knows that nothing did.
    if (options.accept !== undefined) this.#writer.flush();
    socket.on('data', (chunk: Buffer) => this.#read(chunk));
    socket.on('end', () => this.end(this.#closedBy('the peer closed the connection')));
    socket.on('error', (error) => this.end(isReset(error) ? this.#closedBy(error.message) : this.#lost(error.message)));
    socket.on('close', () => this.end(this.#lost('the connection was closed')));
    socket.on('timeout', () => this.#stuck());
  }

  get local(): string {
    return formatAddress(this.#socket.localAddress ?? '', this.#socket.localPort ?? 0);
  }

  get remote(): string {
    return this.#options.peer;
  }

  get congested(): boolean {
    return this.#writer.congested;
  }

  /** How many exchanges are open. */
  get size(): number {
    return this.#open.size;
  }

  /** Whether a new exchange can be opened here. */
  get usable(): boolean {
    return !this.#ended && !this.#draining && this.#newest < 0xffff_fffe;
  }

  /** Opens an exchange; the first message goes out with its first send. */
  dial(stream: boolean, deadline: number): Exchange {
    const id = ++this.#newest;
    const exchange = new Exchange(this, id, true, stream, deadline, this.#peer.streamWindow);
    this.#open.add(exchange);
    if (deadline !== Number.POSITIVE_INFINITY) this.#deadlines.watch(deadline);
    if (!this.#referenced) {
      this.#referenced = true;
      this.#socket.ref();
    }
    return exchange;
  }

  /** Gives the connection what arrived before it was known to be one of frames. */
  readFirst(chunk: Buffer): void {
    this.#read(chunk);
  }

  /** Says that no new exchanges are taken; what is open goes on. */
  drain(): void {
    if (this.#draining || this.#ended) return;
    this.#draining = true;
    if (this.#options.accept !== undefined) this.#sayGoodbye('the server is draining');
  }

  /** Ends the connection; whatever is open fails with the reason. */
  end(reason: MicroError): void {
    if (this.#ended) return;
    const socket = this.#socket;
    const accepted = this.#options.accept !== undefined;
    if (accepted) this.#sayGoodbye(reason.detail);
    this.#ended = true;
    this.#reader.stop();
    this.#deadlines.close();
    this.#writer.flush();
    socket.setTimeout(0);
    if (accepted) {
      // Closing with something unread would reset the connection, and the peer might lose what it was told last. So what
      // it still sends is read and dropped until it has closed its side.
      socket.end();
      socket.resume();
    } else socket.destroySoon();
    // A peer that does neither would keep the socket for ever.
    const timer = setTimeout(() => socket.destroy(), FLUSH_WITHIN_MS).unref();
    socket.once('close', () => clearTimeout(timer));
    for (const exchange of this.#open.list()) exchange.fail(reason);
    this.#options.closed();
  }

  /** Looks after the connection; called about once a second. */
  tick(time: number): void {
    if (this.#pulse.isLate(time) || this.#ended || this.#paused || this.#socket.connecting) return;
    if (this.#reader.partial || this.#prefaceLeft > 0) {
      if (this.#pulse.silence(time) > this.#limits.stallTimeoutMs) {
        this.#refuse(`nothing arrived for ${this.#limits.stallTimeoutMs} ms in the middle of a frame`);
        return;
      }
    }
    if (this.#open.size === 0) {
      if (this.#draining && this.#options.accept === undefined) {
        this.end(this.#lost('the peer takes no new exchanges'));
        return;
      }
      if (this.#referenced && this.#options.accept === undefined) {
        // A connection that nobody waits for does not keep the process alive.
        this.#referenced = false;
        this.#socket.unref();
      }
      if (time - this.#usedAt > this.#limits.idleTimeoutMs) this.end(this.#lost('it was idle'));
      return;
    }
    this.#usedAt = time;
    const verdict = this.#pulse.look(time);
    if (verdict === 'ask') this.#writer.plain(KIND.ping, 0, 0);
    else if (verdict === 'dead') {
      this.end(this.#lost(`the peer has been silent for ${Math.round(this.#pulse.silence(time))} ms`));
    }
  }

  // What exchanges ask for ------------------------------------------------------------------------------------------

  write(exchange: Exchange, message: Message, last: boolean): void {
    const { maxMessageBytes } = this.#peer;
    if (message.body.length > maxMessageBytes) throw tooLarge(this.remote, message.body.length, maxMessageBytes);
    let kind: number = KIND.data;
    let flags = last ? FLAG.end : 0;
    if (!exchange.started) {
      exchange.started = true;
      if (this.#options.accept === undefined) {
        kind = KIND.open;
        if (exchange.stream) flags |= FLAG.stream;
      }
    }
    this.#writer.message(kind, flags, exchange.id, message);
  }

  writeEnd(exchange: Exchange): void {
    this.#writer.plain(KIND.end, 0, exchange.id);
  }

  abandon(exchange: Exchange, reason: Error): void {
    if (exchange.started || this.#options.accept !== undefined) {
      this.#writer.text(KIND.cancel, exchange.id, reason.message);
    }
  }

  taken(exchange: Exchange, cost: number): void {
    exchange.untold += cost;
    if (exchange.untold < STREAM_WINDOW / 2) return;
    this.#writer.credit(exchange.id, exchange.untold);
    exchange.untold = 0;
  }

  release(exchange: Exchange): void {
    this.#open.delete(exchange);
    this.#bytesInFlight -= exchange.requestBytes;
    if (exchange.broken && this.#options.accept !== undefined) this.#unfinished += 1;
  }

  abandoned(): void {
    this.#unfinished -= 1;
  }

  // What the reader finds -------------------------------------------------------------------------------------------

  frame(bytes: Buffer, start: number, end: number): void {
    const kind = bytes[start] ?? 0;
    const flags = bytes[start + 1] ?? 0;
    const id =
      (((bytes[start + 2] ?? 0) << 24) |
        ((bytes[start + 3] ?? 0) << 16) |
        ((bytes[start + 4] ?? 0) << 8) |
        (bytes[start + 5] ?? 0)) >>>
      0;
    if ((flags & REQUIRED_FLAGS) !== 0) {
      this.#refuse(`unknown required flags ${flags & REQUIRED_FLAGS} in a frame`);
      return;
    }
    if (kind === KIND.data || kind === KIND.open) {
      this.#message(kind, flags, id, bytes, start + 6, end);
      return;
    }
    this.#control(kind, flags, id, bytes, start + 6, end);
  }

  oversize(kind: number, _flags: number, id: number, length: number): void {
    if (kind !== KIND.open && kind !== KIND.data) {
      this.#refuse(`a frame of ${length} bytes that is no message`);
      return;
    }
    const detail = `message of ${length} bytes: the limit is ${this.#limits.maxMessageBytes}`;
    this.#refuseMessage(kind, id, new MicroError({ code: CODE.tooLarge, detail }));
  }

  broken(reason: string): void {
    this.#refuse(reason);
  }

  #read(chunk: Buffer): void {
    if (this.#ended) return;
    this.#pulse.heard();
    let rest = chunk;
    if (this.#prefaceLeft > 0) {
      const from = PREFACE.length - this.#prefaceLeft;
      const length = Math.min(this.#prefaceLeft, chunk.length);
      if (PREFACE.compare(chunk, 0, length, from, from + length) !== 0) {
        this.end(this.#lost('the peer does not speak frames'));
        return;
      }
      this.#prefaceLeft -= length;
      rest = chunk.subarray(length);
    }
    this.#reader.read(rest);
  }

  #message(kind: number, flags: number, id: number, bytes: Buffer, start: number, end: number): void {
    if (!this.#started) {
      this.#refuse('the first frame is no settings');
      return;
    }
    let message: Message;
    try {
      message = this.#headers.message(flags, bytes, start, end);
    } catch (error) {
      const known = MicroError.from(error);
      if (known.code === CODE.headerTooLarge) this.#refuseMessage(kind, id, known);
      else this.#refuse(known.detail);
      return;
    }
    const { length } = message.body;
    if (length > this.#limits.maxMessageBytes) {
      this.oversize(kind, flags, id, length);
      return;
    }
    const exchange = kind === KIND.open ? this.#accept(id, flags, message) : this.#open.get(id);
    if (exchange === undefined) {
      if (kind === KIND.data && id > this.#newest) this.#refuse(`message for exchange ${id}, which was never opened`);
      return;
    }
    if (!exchange.deliver(message)) {
      this.#refuse(`more was sent on exchange ${id} than there was room for`);
      return;
    }
    if ((flags & FLAG.end) !== 0) exchange.deliverEnd();
    if (kind === KIND.open) this.#options.accept?.(exchange);
  }

  /** A message is over a limit: its exchange is refused, the connection goes on. */
  #refuseMessage(kind: number, id: number, error: MicroError): void {
    const isNew = kind === KIND.open;
    if (isNew && !this.#mayOpen(id)) return;
    const exchange = this.#open.get(id);
    if (this.#options.accept === undefined) {
      exchange?.close(error);
      return;
    }
    if (isNew) this.#newest = id;
    this.#writer.error(id, error, isNew);
    exchange?.fail(error);
  }

  #mayOpen(id: number): boolean {
    if (this.#options.accept !== undefined && id > this.#newest) return true;
    this.#refuse(`exchange ${id} cannot be opened: ids grow, and only the side that dialled opens`);
    return false;
  }

  #accept(id: number, flags: number, message: Message): Exchange | undefined {
    if (!this.#mayOpen(id)) return undefined;
    this.#newest = id;
    const stream = (flags & FLAG.stream) !== 0;
    const size = stream ? 0 : message.body.length;
    const refusal = this.#refusal(size);
    if (refusal !== undefined) {
      this.#writer.error(id, refusal, true);
      return undefined;
    }
    const exchange = new Exchange(this, id, false, stream, Number.POSITIVE_INFINITY, this.#peer.streamWindow);
    exchange.started = true;
    exchange.requestBytes = size;
    this.#bytesInFlight += size;
    this.#open.add(exchange);
    return exchange;
  }

  #refusal(size: number): MicroError | undefined {
    if (this.#draining) return new MicroError({ code: CODE.unavailable, detail: 'the server is draining' });
    const busy = this.#open.size + this.#unfinished;
    if (busy >= this.#limits.maxInFlight) {
      const detail = `${busy} exchanges are open on this connection or being given up, which is the limit`;
      return new MicroError({ code: CODE.tooManyRequests, detail });
    }
    if (this.#bytesInFlight + size > this.#limits.maxInFlightBytes && this.#open.size > 0) {
      const detail = `requests of ${this.#bytesInFlight} bytes are open on this connection, and ${this.#limits.maxInFlightBytes} are the limit`;
      return new MicroError({ code: CODE.tooManyRequests, detail });
    }
    if (this.#writer.pending > this.#limits.maxInFlightBytes) {
      const detail = `${this.#writer.pending} bytes wait for this peer to read them, and ${this.#limits.maxInFlightBytes} are the limit`;
      return new MicroError({ code: CODE.tooManyRequests, detail });
    }
    return undefined;
  }

  #control(kind: number, flags: number, id: number, bytes: Buffer, start: number, end: number): void {
    switch (kind) {
      case KIND.settings:
        this.#started = true;
        this.#peer = decodeSettings(this.#peer, bytes, start, end);
        return;
      case KIND.end:
        this.#open.get(id)?.deliverEnd();
        return;
      case KIND.error:
        this.#open.get(id)?.fail(decodeError((flags & FLAG.unexecuted) !== 0, bytes, start, end));
        return;
      case KIND.cancel:
        this.#open.get(id)?.fail(cancelled(decodeText(bytes, start, end)));
        return;
      case KIND.credit:
        if (end - start < 4) this.#refuse('a credit frame without an amount');
        else if (this.#open.get(id)?.grant(bytes.readUInt32BE(start)) === false)
          this.#refuse(`more credit for exchange ${id} than a stream can use`);
        return;
      case KIND.ping:
        this.#writer.plain(KIND.pong, 0, id);
        return;
      case KIND.pong:
        return;
      case KIND.goaway:
        this.#leave(id, decodeText(bytes, start, end));
        return;
      default:
        if (kind < FIRST_OPTIONAL_KIND) this.#refuse(`unknown kind of frame ${kind}`);
    }
  }

  /** The peer takes nothing after exchange `last` on this connection. What was sent since then did not run. */
  #leave(last: number, text: string): void {
    this.#draining = true;
    if (this.#options.accept !== undefined) return;
    const reason = leaving(this.remote, text);
    for (const exchange of this.#open.list()) if (exchange.id > last) exchange.fail(reason);
  }

  // The life of the connection --------------------------------------------------------------------------------------

  /** The peer takes too little of what was written: it gets no more answers before it has taken some. */
  #congest(): void {
    const { stallTimeoutMs } = this.#limits;
    // Counts from the last byte that left, also in the middle of a long message.
    if (Number.isFinite(stallTimeoutMs)) this.#socket.setTimeout(stallTimeoutMs);
    // Only where requests come from. Were both sides to stop reading, neither would ever go on.
    if (this.#options.accept === undefined) return;
    this.#paused = true;
    this.#socket.pause();
  }

  #stuck(): void {
    if (this.#ended || this.#socket.connecting || !this.#writer.congested) return;
    this.end(this.#lost(`the peer took nothing of what was sent to it for ${this.#limits.stallTimeoutMs} ms`));
    // It would not take the rest either.
    this.#socket.destroy();
  }

  #resume(): void {
    this.#socket.setTimeout(0);
    if (this.#paused && !this.#ended) {
      this.#paused = false;
      this.#pulse.heard();
      this.#socket.resume();
    }
    for (const exchange of this.#open.list()) exchange.resume();
  }

  #expire(time: number): number {
    let next = Number.POSITIVE_INFINITY;
    for (const exchange of this.#open.list()) {
      if (exchange.deadline <= time) exchange.close(late(this.remote));
      else if (exchange.deadline < next) next = exchange.deadline;
    }
    return next;
  }

  /** The peer broke the protocol: it is told so, and the connection ends. */
  #refuse(reason: string): void {
    if (this.#options.accept === undefined) this.#writer.text(KIND.goaway, 0, reason);
    this.end(this.#lost(reason));
  }

  /** Names the newest exchange that was taken up, so that the peer knows which of its own did not run. */
  #sayGoodbye(reason: string): void {
    this.#writer.text(KIND.goaway, this.#newest, reason);
  }

  #lost(reason: string): MicroError {
    return lost(this.remote, reason);
  }

  /** The peer ended the connection. */
  #closedBy(reason: string): MicroError {
    return this.#prefaceLeft < PREFACE.length ? this.#lost(reason) : unheard(this.remote, reason);
  }
}
