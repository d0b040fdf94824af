import type { Socket as NetSocket } from 'node:net';
import { END_OF_STREAM, HEADER } from '../contract/header.ts';
import type { Message } from '../contract/message.ts';
import { CODE } from '../error/code.ts';
import { MicroError } from '../error/micro-error.ts';
import { formatAddress } from '../util/address.ts';
import { now } from '../util/clock.ts';
import { CONGESTED_ABOVE } from './batch-writer.ts';
import { type Carrier, costOf, Exchange, STREAM_WINDOW } from './exchange.ts';
import { answersProbe, createEndProbe, type EndProbe, PROBE_FIELDS } from './http1-end-probe.ts';
import { createTurnGatherer, type RenderFields, writeMessage } from './http1-fields.ts';
import { Http1Parser, type Http1Sink } from './http1-parser.ts';
import type { Limits } from './limits.ts';

/** What a link and its calls need from the client that made them. */
export interface LinkOwner {
  readonly limits: Limits;
  readonly render: RenderFields;
  /** The call on the link is over and the link can carry another. */
  freed(link: Link): void;
  /** The link is of no use any more. Called once. */
  dropped(link: Link): void;
  /** Something of a reply has arrived and the rest has not. */
  watch(time: number): void;
}

/** Within this time a connection that was closed while it lay idle shows it when it is used again. */
const STALE_WITHIN_MS = 250;
const LINGER_MS = 1_000;
/** How much of a body that came with another status than 200 is quoted. */
const LONGEST_QUOTE = 512;
const NO_BODY = new Uint8Array(0);
const GRPC = 'application/grpc';

/** One call of a client: what an exchange is carried by, from when it is dialled until it is over. */
export class Call implements Carrier {
  readonly remote: string;
  readonly exchange: Exchange;
  /** As it was dialled with. */
  readonly connectTimeoutMs: number | undefined;
  /** The connection; none while the call waits for one. */
  link: Link | undefined;
  /** Something was written. */
  begun = false;
  /** Of a stream: what has arrived and was not yet taken. */
  queued = 0;
  /** What was sent before there was a connection. */
  #unsent: { message: Message; last: boolean }[] | undefined;
  #ended = false;

  constructor(remote: string, id: number, stream: boolean, deadline: number, connectTimeoutMs: number | undefined) {
    this.remote = remote;
    this.connectTimeoutMs = connectTimeoutMs;
    this.exchange = new Exchange(this, id, true, stream, deadline, Number.POSITIVE_INFINITY);
  }

  get local(): string {
    return this.link?.local ?? '';
  }

  get congested(): boolean {
    return this.link?.congested ?? false;
  }

  /** Gives the call its connection. */
  start(link: Link, time: number): void {
    this.link = link;
    link.take(this, time);
    const unsent = this.#unsent;
    this.#unsent = undefined;
    for (const { message, last } of unsent ?? []) this.write(this.exchange, message, last);
  }

  write(exchange: Exchange, message: Message, last: boolean): void {
    const { link } = this;
    if (link === undefined) {
      this.#unsent ??= [];
      this.#unsent.push({ message, last });
      return;
    }
    this.begun = true;
    link.send(exchange, message);
    if (last) this.writeEnd(exchange);
  }

  writeEnd(exchange: Exchange): void {
    // A unary call has ended with its one message.
    if (!exchange.stream || this.#ended || !this.begun) return;
    this.#ended = true;
    this.link?.sendEnd(exchange);
  }

  abandon(): void {
    // That the connection ends without the end of the exchange is what tells the server.
  }

  taken(_exchange: Exchange, cost: number): void {
    this.queued -= cost;
    this.link?.adjustFlow();
  }

  release(exchange: Exchange): void {
    this.#unsent = undefined;
    this.link?.released(exchange);
  }
}

/**
 * One connection of a client. It carries one call at a time: go-micro's server neither orders nor locks what it writes
 * for several. A private class: it is on the path of every call.
 */
export class Link implements Http1Sink {
  readonly address: string;
  readonly #owner: LinkOwner;
  readonly #start: string;
  readonly #parser: Http1Parser;
  #socket: NetSocket | undefined;
  #gather: (() => void) | undefined;
  #connected = false;
  #dropped = false;
  #paused = false;
  #referenced = true;
  #failure: Error | undefined;
  /** Of a stream that this side has ended. */
  #probe: EndProbe | undefined;
  /** The fields of a stream's messages, which its end repeats. */
  #lastMessage: Message | undefined;

  call: Call | undefined;
  /** When the connection was made. */
  readonly born: number;
  idleSince = 0;
  /** When the rest of a reply has to have moved on; `Infinity` while nothing is missing. */
  stallsAt = Number.POSITIVE_INFINITY;
  #carried = 0;
  #takenAt = 0;
  /** Something of the current reply has arrived. */
  #answered = false;
  /** The call is over and the connection may be used again once what arrived with its reply is read. */
  #free = false;

  constructor(address: string, start: string, owner: LinkOwner, time: number) {
    this.address = address;
    this.born = time;
    this.#start = start;
    this.#owner = owner;
    this.#parser = new Http1Parser('response', owner.limits, this);
  }

  get local(): string {
    const socket = this.#socket;
    return socket?.localAddress === undefined ? '' : formatAddress(socket.localAddress, socket.localPort ?? 0);
  }

  get congested(): boolean {
    return this.#socket !== undefined && this.#socket.writableLength > CONGESTED_ABOVE;
  }

  get connected(): boolean {
    return this.#connected;
  }

  /** Uses a socket that is being connected; what is written meanwhile waits in it. */
  use(socket: NetSocket): void {
    this.#socket = socket;
    this.#gather = createTurnGatherer(socket);
    socket.on('data', (chunk: Buffer) => this.#read(chunk));
    socket.on('drain', () => this.call?.exchange.resume());
    socket.on('error', (error) => {
      this.#failure ??= error;
    });
    socket.on('end', () => this.#lost());
    socket.on('close', () => this.#lost());
  }

  /** Connecting has succeeded, or has failed. */
  settled(error: MicroError | undefined): void {
    if (error === undefined) this.#connected = true;
    else this.drop(error);
  }

  take(call: Call, time: number): void {
    this.call = call;
    this.#takenAt = time;
    this.#answered = false;
    this.#carried++;
    if (!this.#referenced) {
      this.#referenced = true;
      this.#socket?.ref();
    }
  }

  send(exchange: Exchange, message: Message): void {
    const socket = this.#socket;
    if (socket === undefined || this.#dropped) return;
    if (exchange.stream) {
      this.#lastMessage = message;
      this.#gather?.();
    }
    writeMessage(socket, this.#head(exchange, message), message.body);
  }

  /** Go-micro repeats the fields of a stream on its end, and so do we: its server reads some of them there. */
  sendEnd(exchange: Exchange): void {
    const socket = this.#socket;
    const like = this.#lastMessage;
    if (socket === undefined || like === undefined || this.#dropped) return;
    const extra: Record<string, string> = Object.create(null);
    Object.assign(extra, like.extra);
    extra[HEADER.ERROR] = END_OF_STREAM;
    this.#gather?.();
    writeMessage(socket, this.#head(exchange, { header: like.header, extra, body: NO_BODY }), NO_BODY);
    const probe: Message = { header: { ...like.header, ...PROBE_FIELDS }, extra: undefined, body: NO_BODY };
    this.#probe ??= createEndProbe(() => {
      if (!this.#dropped) writeMessage(socket, this.#head(exchange, probe), NO_BODY);
    });
  }

  #head(exchange: Exchange, message: Message): string {
    const { id } = exchange;
    const ids = exchange.stream
      ? `${HEADER.ID}: ${id}\r\n${HEADER.STREAM}: ${id}\r\n\r\n`
      : `${HEADER.ID}: ${id}\r\n\r\n`;
    return `${this.#start}${message.body.length}\r\n${this.#owner.render(message)}${ids}`;
  }

  #read(chunk: Buffer): void {
    if (this.#dropped) return;
    if (this.call?.begun !== true) {
      // Nobody asked: a server that says something now does not speak the same language.
      this.drop(this.#error(CODE.unavailable, `${this.address} sent something before it was asked`, true));
      return;
    }
    this.#answered = true;
    this.#probe?.heard();
    this.#parser.feed(chunk);
    if (this.#dropped) return;
    if (!this.#parser.idle) {
      if (this.#free) {
        this.drop();
        return;
      }
      const { stallTimeoutMs } = this.#owner.limits;
      if (stallTimeoutMs !== Number.POSITIVE_INFINITY) {
        this.stallsAt = now() + stallTimeoutMs;
        this.#owner.watch(this.stallsAt);
      }
    } else {
      this.stallsAt = Number.POSITIVE_INFINITY;
      if (this.#free) {
        this.#free = false;
        this.#owner.freed(this);
      }
    }
    this.adjustFlow();
  }

  /** Part of `Http1Sink`: a reply has arrived. */
  message(body: Uint8Array): void {
    const { call } = this;
    const { head } = this.#parser;
    if (call === undefined || this.#free) {
      this.drop();
      return;
    }
    if (head.status !== 200) {
      this.drop(this.#statusError(head.status, head.reason, body));
      return;
    }
    const { header } = head;
    const { exchange } = call;
    const message: Message = { header, extra: undefined, body };
    if (exchange.stream) {
      const error = header[HEADER.ERROR];
      const over = error === END_OF_STREAM || (error !== undefined && this.#probe !== undefined && answersProbe(error));
      if (!over) {
        const cost = costOf(message);
        call.queued += cost;
        exchange.deliver(message);
      }
      if (error !== undefined && error !== '') exchange.deliverEnd();
      return;
    }
    // go-micro's server closes the connection after a call of these types.
    const closes = head.close || head.old || header[HEADER.CONTENT_TYPE]?.startsWith(GRPC) === true;
    this.#free = !closes && this.#socket?.writableLength === 0;
    exchange.deliver(message);
    exchange.deliverEnd();
  }

  /** Part of `Http1Sink`: what arrived is no reply, or larger than the limits allow. */
  refused(status: number, why: string): void {
    const tooLarge = status === CODE.tooLarge || status === CODE.headerTooLarge;
    this.drop(this.#error(tooLarge ? status : CODE.internal, `the reply of ${this.address} is refused: ${why}`));
  }

  /** The exchange is over, on its own or by force. */
  released(exchange: Exchange): void {
    const { call } = this;
    if (call?.exchange !== exchange) return;
    this.call = undefined;
    if (this.#free || this.#dropped) return;
    // A call that was given up before anything was written leaves the connection as it was.
    if (!call.begun && this.#connected && !exchange.stream) this.#owner.freed(this);
    else this.drop();
  }

  /** Lies idle: nothing is on it, and it does not keep the process alive. */
  rest(time: number): void {
    this.idleSince = time;
    this.#referenced = false;
    this.#socket?.unref();
  }

  /** Reads on, or not: a stream whose receiver is behind stops its server through TCP. */
  adjustFlow(): void {
    const queued = this.call?.queued ?? 0;
    const hold = queued > (this.#paused ? STREAM_WINDOW / 2 : STREAM_WINDOW);
    if (hold === this.#paused) return;
    this.#paused = hold;
    if (hold) this.#socket?.pause();
    else this.#socket?.resume();
  }

  /** The peer stands still in the middle of a reply. */
  stalled(): void {
    const { stallTimeoutMs } = this.#owner.limits;
    this.drop(
      this.#error(CODE.unavailable, `${this.address} stood still for ${stallTimeoutMs} ms in the middle of a reply`),
    );
  }

  /** Ends the connection; a call that is on it fails with the reason. What was written may still leave. */
  drop(reason?: MicroError): void {
    if (this.#dropped) return;
    this.#dropped = true;
    this.#parser.stop();
    this.#probe?.close();
    this.stallsAt = Number.POSITIVE_INFINITY;
    const socket = this.#socket;
    const { call } = this;
    this.call = undefined;
    this.#owner.dropped(this);
    if (socket !== undefined) end(socket, this.#connected);
    if (reason !== undefined) call?.exchange.fail(reason);
  }

  #lost(): void {
    if (this.#dropped) return;
    const { call } = this;
    const whole = this.#parser.finish();
    if (call === undefined || call.exchange.over) {
      this.drop();
      return;
    }
    const why = this.#failure?.message ?? 'the peer closed it';
    if (!call.begun || !this.#connected || this.#wasStale()) {
      const detail = `connection to ${this.address} lost: ${why}; nothing of the call was executed`;
      this.drop(this.#error(CODE.unavailable, detail, true));
      return;
    }
    const when = call.exchange.stream ? 'before the stream ended' : whole ? 'before the reply' : 'within the reply';
    const detail = `connection to ${this.address} lost ${when}: ${why}; the call may have been executed`;
    this.drop(this.#error(CODE.unavailable, detail));
  }

  /** It was closed while it lay idle, and that showed only when it was used again. */
  #wasStale(): boolean {
    if (this.#carried < 2 || this.#answered) return false;
    const failure: NodeJS.ErrnoException | undefined = this.#failure;
    return failure?.code === 'ECONNRESET' || failure?.code === 'EPIPE' || now() - this.#takenAt < STALE_WITHIN_MS;
  }

  #statusError(status: number, reason: string, body: Uint8Array): MicroError {
    const quote = Buffer.from(body.subarray(0, LONGEST_QUOTE)).toString().trim();
    return this.#error(codeOf(status), `${status} ${reason}: ${quote}`);
  }

  #error(code: number, detail: string, unexecuted = false): MicroError {
    const cause = this.#failure;
    return new MicroError({ id: 'go.micro.client.transport', code, detail, cause, unexecuted });
  }
}

/** What a status says of a peer that is no go-micro server, or refused the message before there was a call. */
function codeOf(status: number): number {
  if (status === CODE.tooLarge || status === CODE.headerTooLarge || status === CODE.tooManyRequests) return status;
  return status >= 502 && status <= 504 ? CODE.unavailable : CODE.internal;
}

/** Lets what was written leave, and sees to it that the socket is gone soon in any case. */
function end(socket: NetSocket, connected: boolean): void {
  if (!connected || socket.writableLength === 0) {
    socket.destroy();
    return;
  }
  const timer = setTimeout(() => socket.destroy(), LINGER_MS);
  timer.unref();
  socket.once('close', () => clearTimeout(timer));
  socket.destroySoon();
}
