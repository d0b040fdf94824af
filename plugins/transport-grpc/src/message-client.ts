import { Metadata } from '@grpc/grpc-js';
import { type DialOptions, HEADER, type Message, MicroError, type Socket } from '@micro/core';
import {
  answersProbe,
  type Carrier,
  createDeadlineTimer,
  createEndProbe,
  createExchange,
  END_OF_STREAM,
  type EndProbe,
  type Exchange,
  now,
  PROBE_FIELDS,
  reasonOf,
} from '@micro/core/plugin';
import type { Channels, Peer } from './channels.ts';
import type { GrpcLimits } from './grpc-options.ts';
import { errorOf, type GrpcStatus } from './grpc-status.ts';
import { createMessageReader, writeMessage } from './message-codec.ts';
import { type OutgoingCall, openCall } from './outgoing-call.ts';
import { type ReadAhead, readAhead } from './read-ahead.ts';
import { CONNECT_MS, closed, late, lost, nowhere, tooLarge, unreachable } from './refusal.ts';
import { OURS, STREAM_PATH } from './wire-names.ts';

/** The dialling side of go-micro's gRPC transport. */
export interface MessageClient {
  dial(address: string, options?: DialOptions): Socket;
  close(): void;
}

/** One gRPC stream to a peer. It carries one exchange at a time, and unary calls one after the other. */
interface Link {
  readonly peer: Peer;
  readonly call: OutgoingCall;
  /** What the exchanges on it are made with. */
  readonly carrier: Carrier;
  exchange: Exchange | undefined;
  idleSince: number;
  /** When it has to have a connection; `Infinity` once that does not matter any more. */
  connectBy: number;
  /** The exchange on it is answered, and it can carry another one. */
  free: boolean;
  /** Something of the exchange was written. */
  begun: boolean;
  /** It has ended, or is of no use any more. */
  over: boolean;
  ended: boolean;
  /** Of a stream: its last message, whose fields its end repeats. */
  lastMessage: Message | undefined;
  probe: EndProbe | undefined;
  readonly ahead: ReadAhead;
}

/** How long a gRPC stream that this side has ended may take to end. */
const LINGER_MS = 1_000;
const NO_BODY = new Uint8Array(0);
const ENDED: Readonly<Record<string, string>> = Object.freeze({ [HEADER.ERROR]: END_OF_STREAM });

/**
 * Makes it. All exchanges with a peer share one HTTP/2 connection. A unary call is carried by a gRPC stream that stays open
 * for the next one, as go-micro's client does it with its connections: what it costs is a message each way, and not a
 * call of gRPC. A stream has a gRPC stream of its own.
 */
export function createMessageClient(channels: Channels, limits: GrpcLimits): MessageClient {
  const links = new Set<Link>();
  const idle = new Map<string, Link[]>();
  /** Those that this side has ended and the server has not. */
  const leaving = new Set<Link>();
  let nextId = 0;

  const timer = createDeadlineTimer((time) => {
    let next = Number.POSITIVE_INFINITY;
    for (const link of [...leaving]) {
      if (link.idleSince + LINGER_MS <= time) release(link);
      else next = Math.min(next, link.idleSince + LINGER_MS);
    }
    for (const link of [...links]) {
      const { exchange } = link;
      if (exchange === undefined) {
        const until = link.idleSince + limits.poolTtlMs;
        if (until <= time) dismiss(link);
        else next = Math.min(next, until);
        continue;
      }
      if (exchange.deadline <= time) {
        exchange.fail(late(link.peer.address, link.call.reached()));
        continue;
      }
      if (link.connectBy <= time) {
        link.connectBy = Number.POSITIVE_INFINITY;
        if (!link.call.reached()) {
          drop(link, unreachable(link.peer.address, 'no connection in time'), true);
          continue;
        }
      }
      next = Math.min(next, exchange.deadline, link.connectBy);
    }
    return next;
  });

  /** Takes a link out of use; what is on it fails with the reason. */
  const forget = (link: Link, reason: MicroError | undefined): void => {
    if (!links.delete(link)) return;
    link.over = true;
    link.probe?.close();
    const key = keyOf(link.peer);
    const pool = idle.get(key);
    const at = pool?.indexOf(link) ?? -1;
    if (pool !== undefined && at >= 0) pool.splice(at, 1);
    if (pool?.length === 0) idle.delete(key);
    const { exchange } = link;
    link.exchange = undefined;
    if (reason !== undefined) exchange?.fail(reason);
  };

  /** A link does not count for its connection any more. */
  const leave = (link: Link, failure?: MicroError): void => {
    leaving.delete(link);
    channels.give(link.peer, failure);
  };

  /** Gives a link up: the server is told, and so is whoever waits for what is on it. */
  const drop = (link: Link, reason?: MicroError, unreached = false): void => {
    if (link.over) return;
    forget(link, reason);
    link.call.cancel(reason?.detail ?? 'given up');
    leave(link, unreached ? reason : undefined);
  };

  /** Ends a link on which nothing is open, politely: a reset is what HTTP/2 servers count. */
  const dismiss = (link: Link): void => {
    if (link.over) return;
    forget(link, undefined);
    link.call.end();
    link.call.read();
    leaving.add(link);
    link.idleSince = now();
    timer.watch(link.idleSince + LINGER_MS);
  };

  /** The server was told politely and did not listen. */
  const release = (link: Link): void => {
    link.call.cancel('the stream is over');
    leave(link);
  };

  const receive = (link: Link, message: Message): void => {
    const { exchange } = link;
    if (exchange === undefined) {
      drop(link);
      return;
    }
    channels.heard(link.peer);
    const error = message.extra?.[HEADER.ERROR] ?? message.header[HEADER.ERROR] ?? '';
    if (exchange.stream) {
      link.probe?.heard();
      const isEnd = error === END_OF_STREAM || (link.probe !== undefined && answersProbe(error));
      link.free = isEnd || error !== '';
      if (!isEnd) {
        exchange.deliver(message);
        link.ahead.arrived(message);
      }
      if (link.free) exchange.deliverEnd();
      return;
    }
    link.free = true;
    link.call.read();
    exchange.deliver(message);
    exchange.deliverEnd();
  };

  const ended = (link: Link, status: GrpcStatus, reached: boolean): void => {
    if (leaving.has(link)) leave(link);
    if (link.over) return;
    const { address } = link.peer;
    const error = errorOf(status);
    let reason: MicroError;
    if (!reached) reason = unreachable(address, reasonOf(status.details));
    else if (status.code === 0) reason = lost(address, 'the peer ended the stream');
    else if (error.code === 503 && !error.unexecuted) reason = lost(address, reasonOf(error.detail));
    else reason = error;
    forget(link, reason);
    leave(link, reached ? undefined : reason);
  };

  const open = (address: string, ours: boolean, connectBy: number): Link => {
    const peer = channels.take(address, ours);
    const read = createMessageReader(limits);
    const call = openCall(peer, STREAM_PATH, new Metadata(), {
      message(bytes) {
        if (link.over) return;
        try {
          receive(link, read(bytes).message);
        } catch (error) {
          drop(link, MicroError.from(error, { id: 'go.micro.client.transport' }));
        }
      },
      room: () => link.exchange?.resume(),
      status: (status, reached) => ended(link, status, reached),
    });
    const link: Link = {
      peer,
      call,
      get carrier() {
        return carrier;
      },
      exchange: undefined,
      idleSince: 0,
      connectBy,
      free: false,
      begun: false,
      over: false,
      ended: false,
      lastMessage: undefined,
      probe: undefined,
      ahead: readAhead(() => call.read()),
    };
    const carrier = carrierOf(link);
    links.add(link);
    call.read();
    return link;
  };

  const carrierOf = (link: Link): Carrier => ({
    local: 'localhost',
    remote: link.peer.address,
    get congested() {
      return link.call.congested;
    },
    write(exchange, message, last) {
      if (link.over || link.exchange !== exchange) return;
      if (message.body.length > limits.maxMessageBytes) throw tooLarge(message.body.length, limits, !link.begun);
      link.begun = true;
      if (exchange.stream) link.lastMessage = message;
      link.call.write(writeMessage(message, String(exchange.id), exchange.stream));
      if (last) this.writeEnd(exchange);
    },
    writeEnd(exchange) {
      const like = link.lastMessage;
      // A unary call has ended with its one message.
      if (!exchange.stream || like === undefined || link.ended || link.over) return;
      link.ended = true;
      const end = (fields: Readonly<Record<string, string>>): void => {
        const message: Message = { header: like.header, extra: { ...like.extra, ...fields }, body: NO_BODY };
        link.call.write(writeMessage(message, String(exchange.id), true));
      };
      end(ENDED);
      // go-micro's server says nothing at the end of a stream whose client has ended first.
      if (!link.peer.ours) link.probe = createEndProbe(() => !link.over && end(PROBE_FIELDS));
    },
    abandon() {
      // That the gRPC stream is cancelled is what tells the server.
    },
    taken: (_exchange, cost) => link.ahead.taken(cost),
    release(exchange) {
      if (link.exchange !== exchange) return;
      link.exchange = undefined;
      if (link.over) return;
      if (exchange.stream) {
        if (link.free) dismiss(link);
        else drop(link);
        return;
      }
      if ((link.free && !link.call.congested) || !link.begun) rest(link);
      else drop(link);
    },
  });

  /** Keeps a link for the next unary call. */
  const rest = (link: Link): void => {
    const key = keyOf(link.peer);
    const pool = idle.get(key) ?? [];
    if (pool.length >= limits.poolSize) {
      dismiss(link);
      return;
    }
    idle.set(key, pool);
    pool.push(link);
    link.idleSince = now();
    link.connectBy = Number.POSITIVE_INFINITY;
    if (limits.poolTtlMs !== Number.POSITIVE_INFINITY) timer.watch(link.idleSince + limits.poolTtlMs);
  };

  return {
    dial(address, { stream = false, deadline, connectTimeoutMs = CONNECT_MS, metadata } = {}) {
      const ours = metadata?.grpc === OURS.grpc;
      const id = nextId++;
      let link = stream ? undefined : idle.get(`${ours} ${address}`)?.pop();
      try {
        link ??= open(address, ours, connectTimeoutMs === 0 ? Number.POSITIVE_INFINITY : now() + connectTimeoutMs);
      } catch (error) {
        // An address that is none.
        const exchange = createExchange(nowhere(address), { id, opened: true, stream });
        exchange.fail(MicroError.from(error, { id: 'go.micro.client', unexecuted: true }));
        return exchange;
      }
      const exchange = createExchange(link.carrier, { id, opened: true, stream, deadline });
      link.exchange = exchange;
      link.free = false;
      link.begun = false;
      timer.watch(Math.min(exchange.deadline, link.connectBy));
      return exchange;
    },
    close() {
      timer.close();
      for (const link of [...links]) drop(link, closed());
      for (const link of [...leaving]) release(link);
      // Dropping has set the timer again.
      timer.close();
    },
  };
}

function keyOf({ ours, address }: Peer): string {
  return `${ours} ${address}`;
}
