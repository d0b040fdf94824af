import type { Socket as NetSocket } from 'node:net';
import type { Header, Message } from '../contract/message.ts';
import type { Socket } from '../contract/transport.ts';
import { CODE } from '../error/code.ts';
import { MicroError } from '../error/micro-error.ts';
import { now } from '../util/clock.ts';
import { createDeadlineTimer } from '../util/deadline-timer.ts';
import { BatchWriter } from './batch-writer.ts';
import { type Carrier, Exchange, STREAM_WINDOW } from './exchange.ts';
import { ExchangeTable } from './exchange-table.ts';
import {
  decodeHeaderBlock,
  encodeHeaderBlock,
  FIRST_OPTIONAL_KIND,
  FLAG,
  FRAME_HEAD,
  KIND,
  LONGEST_DEFINING_FRAME,
  LONGEST_DEFINITION,
  MESSAGE_HEAD,
  MOST_REFERENCES,
  NO_REFERENCE,
  PREFACE,
  REQUIRED_FLAGS,
  SETTING,
} from './frame.ts';
import { FrameReader, type FrameSink } from './frame-reader.ts';
import type { Limits } from './limits.ts';

/** Silence of a peer that has something of ours, until it is asked whether it is still there. */
const PING_AFTER_MS = 5_000;
/** Silence after the question until the peer is taken for dead. */
const DEAD_AFTER_MS = 10_000;
/** How long the last bytes may take to leave, and the peer to close its side, when the connection ends. */
const FLUSH_WITHIN_MS = 4_000;
/** A tick that comes so late says that this process stood still, not the peer. */
const LATE_TICK_MS = 3_000;

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
  readonly #writer: BatchWriter;
  readonly #reader: FrameReader;
  readonly #options: FrameConnectionOptions;
  readonly #limits: Limits;
  readonly #open = new ExchangeTable();
  readonly #deadlines = createDeadlineTimer((time) => this.#expire(time));

  readonly #sentHeaders = new Map<Header, number>();
  readonly #receivedHeaders: Header[] = [];

  /** The id of the newest exchange, ours on the side that dialled, the peer's on the other. */
  #newest = 0;
  #prefaceLeft = PREFACE.length;
  #started = false;
  #bytesInFlight = 0;
  #draining = false;
  #ended = false;
  /** Reading waits, since the peer does not take what it asked for. */
  #paused = false;
  #peerMaxMessage = Number.POSITIVE_INFINITY;
  #peerWindow = STREAM_WINDOW;

  #readAt = now();
  #usedAt = now();
  #pingedAt: number | undefined;
  #tickedAt = now();
  #referenced = true;

  constructor(socket: NetSocket, options: FrameConnectionOptions) {
    this.#socket = socket;
    this.#options = options;
    this.#limits = options.limits;
    this.#writer = new BatchWriter(
      socket,
      () => this.#congest(),
      () => this.#resume(),
    );
    const longest = this.#limits.maxMessageBytes + this.#limits.maxHeaderBytes * 2 + MESSAGE_HEAD + 8;
    this.#reader = new FrameReader(this, Math.max(longest, LONGEST_DEFINING_FRAME));
    this.#writer.append(PREFACE);
    this.#writeSettings();
    // Before anything runs here: a peer whose connection ends without a byte of ours knows that nothing did.
    if (options.accept !== undefined) this.#writer.flush();
    socket.on('data', (chunk: Buffer) => this.#read(chunk));
    socket.on('end', () => this.end(this.#closedBy('the peer closed the connection')));
    socket.on('error', (error) => this.end(isReset(error) ? this.#closedBy(error.message) : this.#lost(error.message)));
    socket.on('close', () => this.end(this.#lost('the connection was closed')));
    socket.on('timeout', () => this.#stuck());
  }

  get local(): string {
    return `${this.#socket.localAddress ?? ''}:${this.#socket.localPort ?? 0}`;
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
    const exchange = new Exchange(this, id, true, stream, deadline, this.#peerWindow);
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
    const late = time - this.#tickedAt > LATE_TICK_MS;
    this.#tickedAt = time;
    if (late || this.#ended || this.#paused || this.#socket.connecting) return;
    if (this.#reader.partial || this.#prefaceLeft > 0) {
      if (time - this.#readAt > this.#limits.stallTimeoutMs) {
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
    this.#askWhetherAlive(time);
  }

  // What exchanges ask for ------------------------------------------------------------------------------------------

  write(exchange: Exchange, message: Message, last: boolean): void {
    const { body, extra } = message;
    if (body.length > this.#peerMaxMessage) {
      throw new MicroError({
        code: CODE.tooLarge,
        detail: `message of ${body.length} bytes: ${this.remote} takes at most ${this.#peerMaxMessage}`,
        unexecuted: true,
      });
    }
    let kind: number = KIND.data;
    let flags = last ? FLAG.end : 0;
    if (!exchange.started) {
      exchange.started = true;
      if (this.#options.accept === undefined) {
        kind = KIND.open;
        if (exchange.stream) flags |= FLAG.stream;
      }
    }
    const reference = this.#sentHeaders.get(message.header);
    if (reference !== undefined && extra === undefined) {
      const size = MESSAGE_HEAD + body.length;
      if (size <= 16_384) {
        const buffer = this.#writer.reserve(size);
        const at = this.#writer.offset(size);
        fillHead(buffer, at, size - 4, kind, flags, exchange.id);
        buffer[at + 10] = reference >>> 8;
        buffer[at + 11] = reference;
        buffer.set(body, at + MESSAGE_HEAD);
        return;
      }
    }
    this.#writeLong(exchange.id, kind, flags, message, reference);
  }

  writeEnd(exchange: Exchange): void {
    this.#writePlain(KIND.end, 0, exchange.id);
  }

  abandon(exchange: Exchange, reason: Error): void {
    if (exchange.started || this.#options.accept !== undefined) {
      this.#writeText(KIND.cancel, 0, exchange.id, reason.message);
    }
  }

  taken(exchange: Exchange, cost: number): void {
    exchange.untold += cost;
    if (exchange.untold < STREAM_WINDOW / 2) return;
    const credit = exchange.untold;
    exchange.untold = 0;
    const size = FRAME_HEAD + 4;
    const buffer = this.#writer.reserve(size);
    const at = this.#writer.offset(size);
    fillHead(buffer, at, size - 4, KIND.credit, 0, exchange.id);
    buffer.writeUInt32BE(credit, at + FRAME_HEAD);
  }

  release(exchange: Exchange): void {
    this.#open.delete(exchange);
    this.#bytesInFlight -= exchange.requestBytes;
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
    this.#readAt = now();
    this.#pingedAt = undefined;
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
    let at = start + 2;
    let extra: Header | undefined;
    if (at > end) {
      this.#refuse('a message frame without a header reference');
      return;
    }
    const reference = ((bytes[start] ?? 0) << 8) | (bytes[start + 1] ?? 0);
    if ((flags & (FLAG.define | FLAG.extra)) !== 0) {
      try {
        if ((flags & FLAG.define) !== 0) at = this.#define(reference, bytes, at, end);
        if ((flags & FLAG.extra) !== 0) {
          const block = blockAt(bytes, at, end);
          at += 4 + block.length;
          extra = this.#decode(block);
        }
      } catch (error) {
        const known = MicroError.from(error);
        if (known.code === CODE.headerTooLarge) this.#refuseMessage(kind, id, known);
        else this.#refuse(known.detail);
        return;
      }
    }
    let header = this.#receivedHeaders[reference];
    if (reference === NO_REFERENCE) {
      header = extra ?? EMPTY_HEADER;
      extra = undefined;
    }
    if (header === undefined) {
      this.#refuse(`header ${reference} was never defined`);
      return;
    }
    if (header === REFUSED_HEADER) {
      const detail = `header ${reference} is over the limit of ${this.#limits.maxHeaderBytes} bytes or ${this.#limits.maxHeaderFields} fields`;
      this.#refuseMessage(kind, id, new MicroError({ code: CODE.headerTooLarge, detail }));
      return;
    }
    if (end - at > this.#limits.maxMessageBytes) {
      this.oversize(kind, flags, id, end - at);
      return;
    }
    const message: Message = { header, extra, body: bytes.subarray(at, end) };
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
    this.#writeError(id, error, isNew);
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
      this.#writeError(id, refusal, true);
      return undefined;
    }
    const exchange = new Exchange(this, id, false, stream, Number.POSITIVE_INFINITY, this.#peerWindow);
    exchange.started = true;
    exchange.requestBytes = size;
    this.#bytesInFlight += size;
    this.#open.add(exchange);
    return exchange;
  }

  #refusal(size: number): MicroError | undefined {
    if (this.#draining) return new MicroError({ code: CODE.unavailable, detail: 'the server is draining' });
    if (this.#open.size >= this.#limits.maxInFlight) {
      const detail = `${this.#open.size} exchanges are open on this connection, which is the limit`;
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
        this.#settings(bytes, start, end);
        return;
      case KIND.end:
        this.#open.get(id)?.deliverEnd();
        return;
      case KIND.error:
        this.#open.get(id)?.fail(this.#readError(flags, bytes, start, end));
        return;
      case KIND.cancel:
        this.#open.get(id)?.fail(
          new MicroError({
            code: CODE.cancelled,
            detail: `cancelled by the peer: ${bytes.toString('utf8', start, Math.min(end, start + 1_024))}`,
          }),
        );
        return;
      case KIND.credit:
        if (end - start < 4) this.#refuse('a credit frame without an amount');
        else if (this.#open.get(id)?.grant(bytes.readUInt32BE(start)) === false)
          this.#refuse(`more credit for exchange ${id} than a stream can use`);
        return;
      case KIND.ping:
        this.#writePlain(KIND.pong, 0, id);
        return;
      case KIND.pong:
        return;
      case KIND.goaway:
        this.#leave(id, bytes.toString('utf8', start, Math.min(end, start + 1_024)));
        return;
      default:
        if (kind < FIRST_OPTIONAL_KIND) this.#refuse(`unknown kind of frame ${kind}`);
    }
  }

  #settings(bytes: Buffer, start: number, end: number): void {
    this.#started = true;
    for (let at = start; at + 5 <= end; at += 5) {
      const value = bytes.readUInt32BE(at + 1);
      // 0 is no limit; a key that is not known here belongs to a newer peer and changes nothing.
      if (bytes[at] === SETTING.maxMessageBytes) this.#peerMaxMessage = value === 0 ? Number.POSITIVE_INFINITY : value;
      else if (bytes[at] === SETTING.streamWindow && value > 0) this.#peerWindow = value;
    }
  }

  #readError(flags: number, bytes: Buffer, start: number, end: number): MicroError {
    return new MicroError({
      id: 'go.micro.server',
      code: end - start >= 2 ? bytes.readUInt16BE(start) : CODE.unavailable,
      detail: bytes.toString('utf8', Math.min(start + 2, end), Math.min(end, start + 4_096)),
      unexecuted: (flags & FLAG.unexecuted) !== 0,
    });
  }

  #define(reference: number, bytes: Buffer, at: number, end: number): number {
    const block = blockAt(bytes, at, end);
    if (reference !== this.#receivedHeaders.length || reference >= MOST_REFERENCES) {
      throw new MicroError({ code: CODE.badRequest, detail: `header ${reference} is defined out of order` });
    }
    if (block.length > LONGEST_DEFINITION) {
      const detail = `header ${reference} is defined with ${block.length} bytes, ${LONGEST_DEFINITION} are allowed`;
      throw new MicroError({ code: CODE.badRequest, detail });
    }
    let header: Header = REFUSED_HEADER;
    try {
      header = Object.freeze(this.#decode(block));
    } catch (error) {
      // What our limits refuse has its number all the same: the next one is counted on from it.
      if (MicroError.from(error).code !== CODE.headerTooLarge) throw error;
    }
    this.#receivedHeaders.push(header);
    return at + 4 + block.length;
  }

  #decode(block: Buffer): Header {
    if (block.length > this.#limits.maxHeaderBytes) {
      const detail = `header of ${block.length} bytes: the limit is ${this.#limits.maxHeaderBytes}`;
      throw new MicroError({ code: CODE.headerTooLarge, detail });
    }
    return decodeHeaderBlock(block, this.#limits.maxHeaderFields);
  }

  /** The peer takes nothing after exchange `last` on this connection. What was sent since then did not run. */
  #leave(last: number, text: string): void {
    this.#draining = true;
    if (this.#options.accept !== undefined) return;
    const reason = new MicroError({
      id: 'go.micro.client.transport',
      code: CODE.unavailable,
      detail: `${this.remote} takes no new calls on this connection: ${text}`,
      unexecuted: true,
    });
    for (const exchange of this.#open.list()) if (exchange.id > last) exchange.fail(reason);
  }

  // What is written -------------------------------------------------------------------------------------------------

  #writeLong(id: number, kind: number, flags: number, message: Message, known: number | undefined): void {
    let reference = known ?? NO_REFERENCE;
    let definition: Buffer | undefined;
    const { maxHeaderBytes, maxHeaderFields } = this.#limits;
    let extra = message.extra === undefined ? undefined : encodeHeaderBlock(message.extra, maxHeaderFields);
    let allFlags = flags;
    if (known === undefined) {
      const block = encodeHeaderBlock(message.header, maxHeaderFields);
      const size = MESSAGE_HEAD + 8 + block.length + (extra?.length ?? 0) + message.body.length;
      const isShort = block.length <= LONGEST_DEFINITION && size <= LONGEST_DEFINING_FRAME;
      if (isShort && this.#sentHeaders.size < MOST_REFERENCES) {
        reference = this.#sentHeaders.size;
        definition = block;
      } else {
        extra = extra === undefined ? block : Buffer.concat([block, extra]);
      }
    }
    const blocks = (definition?.length ?? 0) + (extra?.length ?? 0);
    if (blocks > maxHeaderBytes) {
      const detail = `header of ${blocks} bytes: the limit is ${maxHeaderBytes}`;
      throw new MicroError({ code: CODE.headerTooLarge, detail, unexecuted: true });
    }
    if (definition !== undefined) {
      this.#sentHeaders.set(message.header, reference);
      allFlags |= FLAG.define;
    }
    if (extra !== undefined) allFlags |= FLAG.extra;
    const headSize =
      MESSAGE_HEAD +
      (definition === undefined ? 0 : 4 + definition.length) +
      (extra === undefined ? 0 : 4 + extra.length);
    const head = Buffer.allocUnsafe(headSize);
    fillHead(head, 0, headSize - 4 + message.body.length, kind, allFlags, id);
    head.writeUInt16BE(reference, FRAME_HEAD);
    let at = MESSAGE_HEAD;
    for (const block of [definition, extra]) {
      if (block === undefined) continue;
      head.writeUInt32BE(block.length, at);
      block.copy(head, at + 4);
      at += 4 + block.length;
    }
    this.#writer.append(head);
    if (message.body.length > 0) this.#writer.append(message.body);
  }

  #writePlain(kind: number, flags: number, id: number): void {
    const buffer = this.#writer.reserve(FRAME_HEAD);
    fillHead(buffer, this.#writer.offset(FRAME_HEAD), FRAME_HEAD - 4, kind, flags, id);
  }

  #writeText(kind: number, flags: number, id: number, text: string): void {
    this.#writePayload(kind, flags, id, Buffer.from(text.slice(0, 1_024)));
  }

  #writeError(id: number, error: MicroError, unexecuted: boolean): void {
    const text = Buffer.from(`\0\0${error.detail.slice(0, 1_024)}`);
    text.writeUInt16BE(error.code, 0);
    this.#writePayload(KIND.error, unexecuted ? FLAG.unexecuted : 0, id, text);
  }

  #writeSettings(): void {
    const pairs: readonly (readonly [number, number])[] = [
      [SETTING.maxMessageBytes, this.#limits.maxMessageBytes],
      [SETTING.maxInFlight, this.#limits.maxInFlight],
      [SETTING.streamWindow, STREAM_WINDOW],
    ];
    const payload = Buffer.alloc(pairs.length * 5);
    pairs.forEach(([key, value], index) => {
      payload[index * 5] = key;
      payload.writeUInt32BE(Number.isFinite(value) ? Math.min(value, 0xffff_ffff) : 0, index * 5 + 1);
    });
    this.#writePayload(KIND.settings, 0, 0, payload);
  }

  #writePayload(kind: number, flags: number, id: number, payload: Buffer): void {
    if (this.#ended) return;
    const size = FRAME_HEAD + payload.length;
    const buffer = this.#writer.reserve(size);
    const at = this.#writer.offset(size);
    fillHead(buffer, at, size - 4, kind, flags, id);
    payload.copy(buffer, at + FRAME_HEAD);
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
      this.#readAt = now();
      this.#socket.resume();
    }
    for (const exchange of this.#open.list()) exchange.resume();
  }

  #expire(time: number): number {
    let next = Number.POSITIVE_INFINITY;
    for (const exchange of this.#open.list()) {
      if (exchange.deadline <= time) {
        exchange.close(
          new MicroError({
            id: 'go.micro.client',
            code: CODE.timeout,
            detail: `no answer from ${this.remote} before the deadline`,
          }),
        );
      } else if (exchange.deadline < next) next = exchange.deadline;
    }
    return next;
  }

  #askWhetherAlive(time: number): void {
    if (this.#pingedAt === undefined) {
      if (time - this.#readAt > PING_AFTER_MS) {
        this.#pingedAt = time;
        this.#writePlain(KIND.ping, 0, 0);
      }
    } else if (time - this.#pingedAt > DEAD_AFTER_MS) {
      this.end(this.#lost(`the peer has been silent for ${Math.round(time - this.#readAt)} ms`));
    }
  }

  /** The peer broke the protocol: it is told so, and the connection ends. */
  #refuse(reason: string): void {
    if (this.#options.accept === undefined) this.#writeText(KIND.goaway, 0, 0, reason);
    this.end(this.#lost(reason));
  }

  /** Names the newest exchange that was taken up, so that the peer knows which of its own did not run. */
  #sayGoodbye(reason: string): void {
    this.#writeText(KIND.goaway, 0, this.#newest, reason);
  }

  #lost(reason: string): MicroError {
    return new MicroError({
      id: 'go.micro.client.transport',
      code: CODE.unavailable,
      detail: `connection to ${this.remote} lost before the answer (the call may have been executed): ${reason}`,
    });
  }

  /** The peer ended the connection. A server that begins to work says something first, so one that did not ran nothing. */
  #closedBy(reason: string): MicroError {
    if (this.#prefaceLeft < PREFACE.length) return this.#lost(reason);
    return new MicroError({
      id: 'go.micro.client.transport',
      code: CODE.unavailable,
      detail: `connection to ${this.remote} ended before the peer said anything: ${reason}`,
      unexecuted: true,
    });
  }
}

const EMPTY_HEADER: Header = Object.freeze(Object.create(null));
/** Stands for a definition that is over a limit of ours. */
const REFUSED_HEADER: Header = Object.freeze(Object.create(null));

function isReset(error: Error): boolean {
  return 'code' in error && (error.code === 'ECONNRESET' || error.code === 'EPIPE');
}

function blockAt(bytes: Buffer, at: number, end: number): Buffer {
  const length = at + 4 <= end ? bytes.readUInt32BE(at) : Number.POSITIVE_INFINITY;
  if (at + 4 + length <= end) return bytes.subarray(at + 4, at + 4 + length);
  throw new MicroError({ code: CODE.badRequest, detail: 'a header block past the end of its frame' });
}

function fillHead(buffer: Buffer, at: number, length: number, kind: number, flags: number, id: number): void {
  buffer[at] = length >>> 24;
  buffer[at + 1] = length >>> 16;
  buffer[at + 2] = length >>> 8;
  buffer[at + 3] = length;
  buffer[at + 4] = kind;
  buffer[at + 5] = flags;
  buffer[at + 6] = id >>> 24;
  buffer[at + 7] = id >>> 16;
  buffer[at + 8] = id >>> 8;
  buffer[at + 9] = id;
}
