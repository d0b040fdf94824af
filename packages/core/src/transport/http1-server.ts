import type { Socket as NetSocket } from 'node:net';
import { END_OF_STREAM, HEADER } from '../contract/header.ts';
import type { Message } from '../contract/message.ts';
import type { ListenOptions, Socket } from '../contract/transport.ts';
import { CODE, REFUSED } from '../error/code.ts';
import { MicroError } from '../error/micro-error.ts';
import { CONGESTED_ABOVE } from './batch-writer.ts';
import { type Carrier, costOf, Exchange, STREAM_WINDOW } from './exchange.ts';
import { createFieldRenderer, createTurnGatherer } from './http1-fields.ts';
import { Http1Parser } from './http1-parser.ts';
import {
  EMPTY_MESSAGE,
  errorMessage,
  errorOf,
  type Http1Request,
  idLines,
  isCall,
  isPlain,
  writeGivenUp,
  writePlainAnswer,
  writeRefusal,
  writeReply,
  writeStreamEnd,
  writeStreamMessage,
} from './http1-reply.ts';
import { createConnectionWatch } from './http1-watch.ts';
import type { Limits } from './limits.ts';

/** What a connection that speaks HTTP/1.1 is served with. */
export interface Http1ServerOptions {
  /** What has been read of the connection already. */
  readonly first: Buffer;
  readonly limits: Limits;
  /** Called with each new exchange; must not throw. */
  readonly accept: (socket: Socket) => void;
  /** Answers what is HTTP but no call. */
  readonly plain?: ListenOptions['plain'];
  readonly local: string;
  readonly remote: string;
  /** Called once when the connection has ended and nothing that came over it is open. */
  readonly closed: () => void;
}

/** One connection that speaks HTTP/1.1. */
export interface Http1Connection {
  /** Refuses what is new; what is open goes on, and plain HTTP clients are told to go. */
  drain(): void;
  /** Ends the connection with whatever is open on it. */
  close(): void;
  /** Looks after a peer that stands still; called about once a second with the time of `util/clock`. */
  tick(time: number): void;
  /** How many exchanges are open. */
  readonly open: number;
}

/** An exchange that is open. */
interface Call {
  readonly exchange: Exchange;
  readonly request: Http1Request;
  /**
   * The message names a stream, but is not a message of it: a unary call of a Go handler that forwards the header of its
   * own caller. (Those who open a stream give the same value as `Micro-Id`.)
   */
  readonly stale: boolean;
  /** Of a stream: `Micro-Id` and its twin, written out. */
  readonly ids: string;
  /** Of a stream: what was handed up and not yet taken. */
  queued: number;
  /** Of a stream: the peer has ended it. */
  endedByPeer: boolean;
  /** A unary call is answered, or the end of a stream was written. */
  answered: boolean;
}

/** How many streams that have ended are remembered, so that what a peer still sends on them is dropped. */
const MOST_ENDED = 128;
/** How long a connection that is being closed may take to hand over its last bytes. */
const LINGER_MS = 1_000;
/** How long a handler may go on with what arrived of a stream that its client has ended, and left. */
const LEFT_ALONE_MS = 30_000;

/**
 * Serves a connection on which somebody speaks go-micro's HTTP/1.1, or just HTTP/1.1. A message with `Micro-Id` is
 * answered when its answer is there; a plain HTTP client gets its answers in order. A stream is never answered by
 * itself: only what its handler sends is written. What arrives for streams faster than it is taken stops the reading.
 */
export function serveHttp1(socket: NetSocket, options: Http1ServerOptions): Http1Connection {
  const { limits, accept, local, remote } = options;
  const render = createFieldRenderer(true);
  const gather = createTurnGatherer(socket);
  const calls = new Map<number, Call>();
  const streams = new Map<string, Call>();
  const endedStreams = new Set<string>();
  /** Plain requests that wait for the one before them. */
  const waiting: { request: Http1Request; message: Message }[] = [];

  let nextId = 0;
  let plainOpen = false;
  let advancing = false;
  let queued = 0;
  let bytesInFlight = 0;
  let draining = false;
  /** Nothing is read or begun any more; what was written may still leave. */
  let ending = false;
  let gone = false;
  let told = false;
  let paused = false;
  let linger: NodeJS.Timeout | undefined;
  let leftAlone: NodeJS.Timeout | undefined;

  const carrier: Carrier = {
    local,
    remote,
    get congested() {
      return !gone && socket.writableLength > CONGESTED_ABOVE;
    },
    write(exchange, message, last) {
      const call = calls.get(exchange.id);
      if (call === undefined || call.answered) return;
      if (gone || ending) exchange.fail(lost('the peer is gone'));
      else if (exchange.stream) writeToStream(call, message, last);
      else answer(call, message);
    },
    writeEnd(exchange) {
      const call = calls.get(exchange.id);
      if (call === undefined || call.answered || gone || ending) return;
      if (exchange.stream) endStream(call);
      // Every unary request is answered with exactly one message, be it an empty one.
      else answer(call, EMPTY_MESSAGE);
    },
    abandon(exchange, reason) {
      const call = calls.get(exchange.id);
      if (call === undefined || call.answered || gone || ending) return;
      // No answer, not even an error: go-micro's clients take any other status than 200 for the end of the exchange.
      call.answered = true;
      const last = isPlain(call.request) && isLast(call.request);
      writeGivenUp(socket, call.request, MicroError.from(reason), last);
      if (last) endSoon();
    },
    taken(exchange, cost) {
      const call = calls.get(exchange.id);
      if (call === undefined) return;
      call.queued -= cost;
      queued -= cost;
      if (paused) adjustFlow();
    },
    release(exchange) {
      const call = calls.get(exchange.id);
      if (call === undefined) return;
      const { request } = call;
      calls.delete(exchange.id);
      queued -= call.queued;
      bytesInFlight -= request.size;
      if (request.stream !== undefined) {
        streams.delete(request.stream);
        if (!call.stale) rememberEnded(request.stream);
      } else if (request.id === undefined) {
        plainOpen = false;
        advance();
      }
      if (gone) tellClosed();
      else if (paused) adjustFlow();
    },
  };

  const parser = new Http1Parser('request', limits, {
    message(body) {
      const { header, id, stream: named, oldStream, method, target, old, close, keepAlive } = parser.head;
      const stream = named || (oldStream ? (id ?? '') : undefined);
      const message: Message = { header, extra: undefined, body };
      if (stream !== undefined && takenByStream(stream, id, message)) return;
      const request: Http1Request = { id, stream, method, target, old, close, keepAlive, size: body.length };
      if (isPlain(request) && (plainOpen || waiting.length > 0)) waiting.push({ request, message });
      else begin(request, message);
    },
    expectsContinue() {
      if (!gone && !ending) socket.write('HTTP/1.1 100 Continue\r\n\r\n', 'latin1');
    },
    refused: (status, why) => refuseConnection(status, why),
  });
  const watch = createConnectionWatch(socket, parser, limits);

  /** What belongs to a stream that is or was open goes there and is no request. */
  const takenByStream = (stream: string, id: string | undefined, message: Message): boolean => {
    const end = message.header[HEADER.ERROR] === END_OF_STREAM;
    const call = streams.get(stream);
    if (call === undefined) return end || (endedStreams.has(stream) && (id === undefined || id === stream));
    if (end) {
      call.endedByPeer = true;
      call.exchange.deliverEnd();
    } else if (!call.endedByPeer) {
      handUp(call, message);
    }
    return true;
  };

  const handUp = (call: Call, message: Message): void => {
    const cost = costOf(message);
    call.queued += cost;
    queued += cost;
    call.exchange.deliver(message);
  };

  const begin = (request: Http1Request, message: Message): void => {
    const { id, stream, size } = request;
    if (isPlain(request) && !isCall(message)) {
      const last = isLast(request);
      writePlainAnswer(socket, request, last, options.plain);
      if (last) endSoon();
      return;
    }
    const refusal = refusalOf(size);
    if (refusal !== undefined) {
      if (stream !== undefined && id === stream) rememberEnded(stream);
      reply(request, errorMessage(refusal));
      return;
    }
    const isStream = stream !== undefined;
    const exchange = new Exchange(carrier, nextId++, false, isStream, Infinity, Infinity);
    const call: Call = {
      exchange,
      request,
      stale: isStream && id !== undefined && id !== stream,
      ids: isStream ? idLines(id) : '',
      queued: 0,
      endedByPeer: false,
      answered: false,
    };
    calls.set(exchange.id, call);
    bytesInFlight += size;
    if (isStream) {
      streams.set(stream, call);
      handUp(call, message);
    } else {
      if (id === undefined) plainOpen = true;
      exchange.deliver(message);
      exchange.deliverEnd();
    }
    accept(exchange);
  };

  /** Why nothing new is begun now; in a form by which callers see that nothing has run. */
  const refusalOf = (size: number): MicroError | undefined => {
    if (draining) return new MicroError({ id: REFUSED, code: CODE.unavailable, detail: 'the server is draining' });
    const full =
      calls.size >= limits.maxInFlight
        ? `${calls.size} calls are open on this connection, which is the limit`
        : bytesInFlight + size > limits.maxInFlightBytes
          ? `${bytesInFlight} bytes are in flight on this connection, and ${size} more are over the limit`
          : undefined;
    return full === undefined ? undefined : new MicroError({ id: REFUSED, code: CODE.tooManyRequests, detail: full });
  };

  /** Begins the plain request that waited, once the one before it is answered. */
  const advance = (): void => {
    if (advancing) return;
    advancing = true;
    while (!plainOpen && !ending && !gone) {
      const next = waiting.shift();
      if (next === undefined) break;
      begin(next.request, next.message);
    }
    advancing = false;
  };

  const answer = (call: Call, message: Message): void => {
    call.answered = true;
    reply(call.request, message);
  };

  const reply = (request: Http1Request, message: Message): void => {
    const last = isPlain(request) && isLast(request);
    writeReply(socket, render, request, message, last);
    if (last) endSoon();
  };

  // HTTP/1.0 closes after an answer unless it is asked not to; a server that drains asks its clients to go.
  const isLast = (request: Http1Request): boolean => draining || request.close || (request.old && !request.keepAlive);

  const writeToStream = (call: Call, message: Message, last: boolean): void => {
    gather();
    writeStreamMessage(socket, render, call.ids, message);
    // An error is the end of a stream, and what a unary call with a stale stream is answered with is all it gets.
    if (errorOf(message) !== undefined || (last && call.stale)) call.answered = true;
    else if (last) endStream(call);
  };

  const endStream = (call: Call): void => {
    call.answered = true;
    gather();
    writeStreamEnd(socket, call.ids);
  };

  const rememberEnded = (stream: string): void => {
    endedStreams.add(stream);
    if (endedStreams.size <= MOST_ENDED) return;
    for (const oldest of endedStreams) {
      endedStreams.delete(oldest);
      return;
    }
  };

  /** Reads on, or not: while streams are behind, plain requests wait, or the peer does not read what it is sent. */
  const adjustFlow = (): void => {
    const tooMuch = paused ? STREAM_WINDOW / 2 : STREAM_WINDOW;
    const hold = !ending && (queued > tooMuch || waiting.length > 0 || socket.writableLength > CONGESTED_ABOVE);
    if (hold === paused || gone) return;
    paused = hold;
    if (hold) socket.pause();
    else socket.resume();
  };

  const read = (chunk: Buffer): void => {
    if (ending || gone) return;
    parser.feed(chunk);
    adjustFlow();
  };

  const lost = (reason: string): MicroError =>
    new MicroError({ id: 'go.micro.server', code: CODE.unavailable, detail: `connection lost: ${remote}: ${reason}` });

  const failAll = (reason: string, stopped = false): void => {
    for (const call of [...calls.values()]) {
      if (call.answered) continue;
      if (call.endedByPeer && !stopped) {
        // A Go client closes a stream by ending it and then the connection: its handler takes what has arrived, and
        // learns that nobody is there when it sends, or after a while.
        call.exchange.resume();
        leftAlone ??= setTimeout(() => failAll(reason, true), LEFT_ALONE_MS).unref();
      } else {
        call.exchange.fail(lost(reason));
      }
    }
  };

  const refuseConnection = (status: number, why: string): void => {
    if (gone || ending) return;
    writeRefusal(socket, status, why);
    endSoon(why);
  };

  /**
   * Ends the connection once what was written has left. What the peer still sends is read and dropped for a moment, since
   * closing with bytes unread would take the last answer back.
   */
  const endSoon = (reason = 'the connection is being closed'): void => {
    if (ending || gone) return;
    ending = true;
    parser.stop();
    waiting.length = 0;
    adjustFlow();
    socket.end();
    linger = setTimeout(() => socket.destroy(), LINGER_MS);
    linger.unref();
    failAll(reason);
  };

  const end = (reason: string): void => {
    if (gone) return;
    gone = true;
    parser.stop();
    waiting.length = 0;
    clearTimeout(linger);
    linger = setTimeout(() => socket.destroy(), LINGER_MS);
    linger.unref();
    socket.destroySoon();
    failAll(reason);
    tellClosed();
  };

  const tellClosed = (): void => {
    if (told || calls.size > 0) return;
    told = true;
    clearTimeout(leftAlone);
    options.closed();
  };

  socket.on('data', read);
  socket.on('drain', () => {
    for (const call of [...calls.values()]) call.exchange.resume();
    if (paused) adjustFlow();
  });
  socket.on('end', () => end('the peer closed the connection'));
  socket.on('error', (error) => end(error.message));
  socket.on('close', () => {
    end('the connection was closed');
    clearTimeout(linger);
  });
  // Not now: whoever serves the connection may have to say first that it drains.
  process.nextTick(read, options.first);

  return {
    get open() {
      return calls.size;
    },
    drain() {
      draining = true;
    },
    close() {
      end('the server was stopped');
      for (const call of [...calls.values()]) call.exchange.fail(lost('the server was stopped'));
    },
    tick(time) {
      if (gone || ending) return;
      const verdict = watch.look(time, calls.size, !paused);
      if (verdict === 'stalled') {
        refuseConnection(408, `a request did not arrive in whole within ${limits.stallTimeoutMs} ms`);
      } else if (verdict === 'unread') {
        socket.destroy();
        end('the peer does not read what it is sent');
      } else if (verdict === 'idle') {
        end('it was idle');
      }
    },
  };
}
