import { CODE, type DialOptions, HEADER, type Message, MicroError, type Socket } from '@micro/core';
import { type Carrier, createDeadlineTimer, createExchange, type Exchange, now, reasonOf } from '@micro/core/plugin';
import type { Channels, Peer } from './channels.ts';
import { writeMetadata } from './grpc-metadata.ts';
import type { GrpcLimits } from './grpc-options.ts';
import { errorOf, type GrpcStatus } from './grpc-status.ts';
import { pathOf } from './method-paths.ts';
import { type OutgoingCall, openCall } from './outgoing-call.ts';
import { bare, dressed, notCarried, type Payload, payloadOf } from './payload.ts';
import { CONNECT_MS, closed, late, lost, nowhere, tooLarge, unreachable } from './refusal.ts';
import { OURS } from './wire-names.ts';

/** Calls the methods of any gRPC server. */
export interface MethodClient {
  dial(address: string, options?: DialOptions): Socket;
  close(): void;
}

/** One call. */
interface Call {
  readonly exchange: Exchange;
  readonly connectBy: number;
  reached(): boolean;
  fail(reason: MicroError, unreached: boolean): void;
}

/** Makes it. Each exchange is one call of gRPC. */
export function createMethodClient(channels: Channels, limits: GrpcLimits): MethodClient {
  const calls = new Set<Call>();
  let nextId = 0;

  const timer = createDeadlineTimer((time) => {
    let next = Number.POSITIVE_INFINITY;
    for (const call of [...calls]) {
      const { exchange, connectBy } = call;
      if (exchange.deadline <= time) {
        call.fail(late(exchange.remote, call.reached()), false);
      } else if (connectBy <= time && !call.reached()) {
        call.fail(unreachable(exchange.remote, 'no connection in time'), true);
      } else {
        next = Math.min(next, exchange.deadline, connectBy > time ? connectBy : Number.POSITIVE_INFINITY);
      }
    }
    return next;
  });

  return {
    dial(address, { stream = false, deadline, connectTimeoutMs = CONNECT_MS, endpoint, metadata } = {}) {
      const ours = metadata?.grpc === OURS.grpc;
      const options = { id: nextId++, opened: true, stream, deadline };
      let peer: Peer;
      try {
        peer = channels.take(address, ours);
      } catch (error) {
        // An address that is none.
        const exchange = createExchange(nowhere(address), options);
        exchange.fail(MicroError.from(error, { id: 'go.micro.client', unexecuted: true }));
        return exchange;
      }
      const kind = endpoint?.kind ?? (stream ? 'bidiStream' : 'unary');
      const oneReply = kind === 'unary' || kind === 'clientStream';
      const oneRequest = kind === 'unary' || kind === 'serverStream';
      let outgoing: OutgoingCall | undefined;
      let payload: Payload | undefined;
      let replyHeader: Message['header'] = Object.create(null);
      let reply: Message | undefined;
      let over = false;

      /** The call is over, and its connection hears of it. */
      const leave = (failure?: MicroError): void => {
        if (over) return;
        over = true;
        calls.delete(call);
        channels.give(peer, failure);
      };

      const ended = (status: GrpcStatus, reached: boolean): void => {
        if (over) return;
        const failure = status.code === 0 ? undefined : failureOf(status, reached, exchange);
        leave(reached ? undefined : failure);
        if (reached) channels.heard(peer);
        if (failure === undefined) {
          if (reply !== undefined) exchange.deliver(reply);
          exchange.deliverEnd();
          return;
        }
        exchange.fail(failure);
      };

      const begin = (message: Message): OutgoingCall => {
        const contentType = field(message, HEADER.CONTENT_TYPE) ?? '';
        payload = payloadOf(contentType);
        if (payload === undefined || (payload.json && !ours)) throw notCarried(contentType, address);
        const path = pathOf(
          { service: field(message, HEADER.SERVICE) ?? '', endpoint: field(message, HEADER.ENDPOINT) ?? '' },
          endpoint,
        );
        replyHeader = Object.freeze(Object.assign(Object.create(null), { [HEADER.CONTENT_TYPE]: contentType }));
        const opened = openCall(peer, path, writeMetadata(message, payload.named, exchange.deadline), {
          message(bytes) {
            if (payload === undefined) return;
            const received: Message = { header: replyHeader, body: dressed(bytes, payload) };
            if (!oneReply) {
              exchange.deliver(received);
              return;
            }
            // Whether it counts is what the status says, which comes last.
            reply = received;
            opened.read();
          },
          room: () => exchange.resume(),
          status: ended,
        });
        opened.read();
        return opened;
      };

      const carrier: Carrier = {
        local: 'localhost',
        remote: address,
        get congested() {
          return outgoing?.congested ?? false;
        },
        write(_exchange, message, last) {
          if (over) return;
          const isFirst = outgoing === undefined;
          outgoing ??= begin(message);
          // What opens a stream says where it goes, and nothing else.
          if (!(stream && isFirst) && payload !== undefined) {
            const body = bare(message.body, payload);
            if (body.length > limits.maxMessageBytes) throw tooLarge(body.length, limits, isFirst);
            outgoing.write(Buffer.from(body.buffer, body.byteOffset, body.byteLength));
            if (oneRequest) outgoing.end();
          }
          if (last) outgoing.end();
        },
        writeEnd: () => outgoing?.end(),
        abandon() {
          // That the call is cancelled is what tells the server.
        },
        taken: () => outgoing?.read(),
        release() {
          if (over) return;
          leave();
          outgoing?.cancel('given up');
        },
      };
      const exchange = createExchange(carrier, options);
      const call: Call = {
        exchange,
        connectBy: connectTimeoutMs === 0 ? Number.POSITIVE_INFINITY : now() + connectTimeoutMs,
        reached: () => outgoing?.reached() ?? false,
        fail(reason, unreached) {
          leave(unreached ? reason : undefined);
          outgoing?.cancel(reason.detail);
          exchange.fail(reason);
        },
      };
      calls.add(call);
      timer.watch(Math.min(exchange.deadline, call.connectBy));
      return exchange;
    },
    close() {
      timer.close();
      for (const call of [...calls]) call.fail(closed(), false);
    },
  };
}

/** What a call failed with, as its caller should hear it. */
function failureOf(status: GrpcStatus, reached: boolean, { remote, deadline }: Exchange): MicroError {
  if (!reached && status.code !== 4) return unreachable(remote, reasonOf(status.details));
  const error = errorOf(status);
  // The library keeps to the deadline too, and may be the first to notice.
  if (error.code === CODE.timeout && deadline <= now() + 1) return late(remote, reached);
  const isOurs = error.cause === status;
  if (isOurs && error.code === CODE.unavailable && !error.unexecuted) return lost(remote, reasonOf(status.details));
  return error;
}

function field({ header, extra }: Message, name: string): string | undefined {
  return extra?.[name] ?? header[name];
}
