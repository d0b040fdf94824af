import type { Socket as NetSocket } from 'node:net';
import type { DialOptions, Socket } from '../contract/transport.ts';
import { CODE } from '../error/code.ts';
import { MicroError } from '../error/micro-error.ts';
import { now } from '../util/clock.ts';
import { createDeadlineTimer } from '../util/deadline-timer.ts';
import { limitOf } from '../util/limit.ts';
import { createFieldRenderer, fieldValue } from './http1-fields.ts';
import { Call, Link, type LinkOwner } from './http1-link.ts';
import type { Limits } from './limits.ts';

/** What a client of go-micro's HTTP/1.1 is made with. */
export interface Http1ClientOptions {
  readonly limits: Limits;
  /** Connects to an address; calls back once, with an error where that failed. */
  readonly connect: (
    address: string,
    timeoutMs: number | undefined,
    settled: (error?: MicroError) => void,
  ) => NetSocket;
  /** Idle connections kept per address. Default 100; 0 keeps none. */
  readonly poolSize?: number | undefined;
  /** The age at which a connection is not used again, in milliseconds. Default 60,000; 0 is no limit. */
  readonly poolTtlMs?: number | undefined;
  /** Unary calls at a time per address; more of them wait for a connection. Default 0: no limit. */
  readonly maxConnectionsPerAddress?: number | undefined;
}

/** What a client holds and has done. */
export interface Http1ClientStats {
  /** Connections, of calls and idle ones. */
  readonly connections: number;
  readonly idle: number;
  /** Calls that wait for a connection. */
  readonly waiting: number;
  /** Connections that were begun so far. */
  readonly dialled: number;
  /** Calls so far that were given an idle connection. */
  readonly reused: number;
}

/** Calls peers that speak go-micro's HTTP/1.1. */
export interface Http1Client {
  /** Opens an exchange, on an idle connection where there is one. A stream always has a connection of its own. */
  dial(address: string, options?: DialOptions): Socket;
  /** Ends every connection, with what is open on it. */
  close(): void;
  readonly stats: Http1ClientStats;
}

/** What is known of one address. */
interface Peer {
  readonly address: string;
  /** What every request to it begins with, up to the length of its body. */
  readonly start: string;
  /** Connections that carry nothing; the latest to have carried something is used first. */
  readonly idle: Link[];
  waiting: Call[];
  /** Connections of unary calls, and idle ones. */
  size: number;
}

const POOL_SIZE = 100;
const POOL_TTL_MS = 60_000;

/**
 * Makes a client. It keeps idle connections and carries one call at a time on each, as go-micro does; it never uses an id
 * twice, and never uses a connection again on which a call was given up.
 */
export function createHttp1Client(options: Http1ClientOptions): Http1Client {
  const { limits, connect, poolSize = POOL_SIZE } = options;
  const poolTtlMs = limitOf('poolTtlMs', options.poolTtlMs, POOL_TTL_MS);
  const most = limitOf('maxConnectionsPerAddress', options.maxConnectionsPerAddress, 0);
  const idleMs = Math.min(limits.idleTimeoutMs, poolTtlMs);
  const peers = new Map<string, Peer>();
  const links = new Set<Link>();
  /** The links of streams, which are nobody's but their stream's. */
  const streamLinks = new Set<Link>();
  let nextId = 1;
  let dialled = 0;
  let reused = 0;
  let closed = false;

  const owner: LinkOwner = {
    limits,
    render: createFieldRenderer(false),
    freed(link) {
      const peer = peers.get(link.address);
      const time = now();
      if (peer === undefined || time - link.born >= poolTtlMs) {
        link.drop();
        return;
      }
      const next = nextWaiting(peer);
      if (next !== undefined) {
        next.start(link, time);
      } else if (peer.idle.length >= poolSize) {
        link.drop();
      } else {
        link.rest(time);
        peer.idle.push(link);
        if (idleMs !== Number.POSITIVE_INFINITY) timer.watch(time + idleMs);
      }
    },
    dropped(link) {
      links.delete(link);
      const peer = peers.get(link.address);
      if (peer === undefined) return;
      if (!streamLinks.delete(link)) peer.size--;
      const at = peer.idle.indexOf(link);
      if (at !== -1) peer.idle.splice(at, 1);
      const next = closed || peer.size >= most ? undefined : nextWaiting(peer);
      if (next !== undefined) startOnNew(peer, next, now());
      else if (peer.size === 0) peers.delete(peer.address);
    },
    watch: (time) => timer.watch(time),
  };

  const timer = createDeadlineTimer((time) => {
    let next = Number.POSITIVE_INFINITY;
    for (const link of [...links]) {
      if (time >= link.stallsAt) link.stalled();
      const { call } = link;
      if (call !== undefined) {
        if (!endIfOverdue(call, time)) next = Math.min(next, call.exchange.deadline, link.stallsAt);
      } else if (time - link.idleSince >= idleMs) {
        link.drop();
      } else {
        next = Math.min(next, link.idleSince + idleMs);
      }
    }
    for (const peer of peers.values()) {
      if (peer.waiting.length === 0) continue;
      peer.waiting = peer.waiting.filter((call) => !call.exchange.over && !endIfOverdue(call, time));
      for (const { exchange } of peer.waiting) next = Math.min(next, exchange.deadline);
    }
    return next;
  });

  const endIfOverdue = ({ exchange, remote, link, begun }: Call, time: number): boolean => {
    if (time < exchange.deadline) return false;
    const where =
      link === undefined
        ? 'waiting for a free connection to'
        : link.connected
          ? 'waiting for the reply of'
          : 'connecting to';
    exchange.fail(
      new MicroError({
        id: 'go.micro.client',
        code: CODE.timeout,
        detail: `call timeout: the deadline passed while ${where} ${remote}`,
        unexecuted: link?.connected !== true || !begun,
      }),
    );
    return true;
  };

  const nextWaiting = (peer: Peer): Call | undefined => {
    for (;;) {
      const call = peer.waiting.shift();
      if (call === undefined || !call.exchange.over) return call;
    }
  };

  const peerOf = (address: string): Peer => {
    let peer = peers.get(address);
    if (peer === undefined) {
      const start = `POST / HTTP/1.1\r\nHost: ${fieldValue(address)}\r\nContent-Length: `;
      peer = { address, start, idle: [], waiting: [], size: 0 };
      peers.set(address, peer);
    }
    return peer;
  };

  const takeIdle = (peer: Peer, time: number): Link | undefined => {
    for (;;) {
      const link = peer.idle.pop();
      if (link === undefined) return undefined;
      if (time - link.born < poolTtlMs && time - link.idleSince < idleMs) return link;
      link.drop();
    }
  };

  const startOnNew = (peer: Peer, call: Call, time: number): void => {
    const link = new Link(peer.address, peer.start, owner, time);
    links.add(link);
    if (call.exchange.stream) streamLinks.add(link);
    else peer.size++;
    dialled++;
    try {
      link.use(connect(peer.address, call.connectTimeoutMs, (error) => link.settled(error)));
    } catch (error) {
      // An address that is none.
      call.exchange.fail(MicroError.from(error, { id: 'go.micro.client', unexecuted: true }));
      link.drop();
      return;
    }
    call.start(link, time);
  };

  return {
    dial(address, { stream = false, connectTimeoutMs, deadline } = {}) {
      const call = new Call(address, nextId++, stream, deadline ?? Number.POSITIVE_INFINITY, connectTimeoutMs);
      if (closed) {
        call.exchange.fail(closedError(true));
        return call.exchange;
      }
      const peer = peerOf(address);
      const time = now();
      const idle = stream ? undefined : takeIdle(peer, time);
      if (idle !== undefined) {
        reused++;
        call.start(idle, time);
      } else if (!stream && peer.size >= most) {
        peer.waiting.push(call);
      } else {
        startOnNew(peer, call, time);
      }
      if (deadline !== undefined) timer.watch(deadline);
      return call.exchange;
    },
    close() {
      if (closed) return;
      closed = true;
      timer.close();
      for (const peer of [...peers.values()]) {
        for (const call of [...peer.waiting]) call.exchange.fail(closedError(true));
      }
      for (const link of [...links]) link.drop(closedError(link.call?.begun !== true));
      peers.clear();
    },
    get stats() {
      let idle = 0;
      let waiting = 0;
      for (const peer of peers.values()) {
        idle += peer.idle.length;
        waiting += peer.waiting.length;
      }
      return { connections: links.size, idle, waiting, dialled, reused };
    },
  };
}

function closedError(unexecuted: boolean): MicroError {
  return new MicroError({
    id: 'go.micro.client',
    code: CODE.cancelled,
    detail: 'the transport was closed on this side',
    unexecuted,
  });
}
