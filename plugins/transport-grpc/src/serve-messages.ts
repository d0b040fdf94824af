import { CODE, HEADER, type Message, MicroError, type Socket } from '@micro/core';
import { type Carrier, createExchange, END_OF_STREAM, type Exchange } from '@micro/core/plugin';
import type { GrpcLimits } from './grpc-options.ts';
import { statusOf } from './grpc-status.ts';
import { type IncomingCall, type OpenCall, receiveCall } from './incoming-call.ts';
import { createMessageReader, type ReceivedMessage, writeMessage } from './message-codec.ts';
import { readAhead } from './read-ahead.ts';
import { draining, gone, tooLarge } from './refusal.ts';

interface Current {
  readonly exchange: Exchange;
  readonly id: string;
  /** The stream it is, as the peer calls it; `undefined` for a unary call. */
  readonly stream: string | undefined;
  /** A unary call of a Go handler that forwards the header of its own caller: it names a stream and is none. */
  readonly stale: boolean;
  endedByPeer: boolean;
  answered: boolean;
}

/** How long a handler may go on with what arrived of a stream that its client has ended, and left. */
const LEFT_ALONE_MS = 30_000;
const NO_BODY = new Uint8Array(0);
const NO_FIELDS = Object.freeze(Object.create(null));
const END = Object.freeze({ [HEADER.ERROR]: END_OF_STREAM });

/**
 * Serves one gRPC stream as go-micro uses it: a connection that carries one exchange after the other. While one is open
 * nothing else is read but what belongs to it, so that a peer which sends more waits, and HTTP/2 tells it to.
 */
export function serveMessages(
  incomingCall: IncomingCall,
  limits: GrpcLimits,
  accept: (socket: Socket) => void,
): OpenCall {
  const { local, remote } = incomingCall;
  const read = createMessageReader(limits);
  let current: Current | undefined;
  let lastStream: string | undefined;
  let nextId = 0;
  let isDraining = false;
  let peerEnded = false;

  const incoming = receiveCall(incomingCall, {
    metadata: () => incoming.read(),
    message(bytes) {
      try {
        receive(read(bytes));
      } catch (error) {
        fail(MicroError.from(error));
      }
    },
    half() {
      peerEnded = true;
      if (current === undefined) incoming.finish();
      else current.exchange.deliverEnd();
    },
    room: () => current?.exchange.resume(),
    cancelled() {
      const open = current?.exchange;
      if (current?.endedByPeer === true) {
        // A Go client closes a stream by ending it and then its connection: the handler takes what has arrived, and learns
        // that nobody is there when it sends, or after a while.
        setTimeout(() => open?.fail(gone(remote)), LEFT_ALONE_MS).unref();
        open?.resume();
      } else {
        open?.fail(gone(remote));
      }
    },
  });
  const ahead = readAhead(() => {
    if (current?.endedByPeer === false) incoming.read();
  });

  const fail = (reason: MicroError): void => {
    const open = current;
    incoming.finish(statusOf(reason));
    open?.exchange.fail(reason);
  };

  const send = (message: Message, id: string): void => {
    if (message.body.length > limits.maxMessageBytes) throw tooLarge(message.body.length, limits);
    incoming.send(writeMessage(message, id, false));
  };

  const carrier: Carrier = {
    local,
    remote,
    get congested() {
      return incoming.congested;
    },
    write(exchange, message, last) {
      if (current?.exchange !== exchange || current.answered) return;
      if (incoming.over) {
        exchange.fail(gone(remote));
        return;
      }
      const { id, stream, stale } = current;
      send(message, id);
      // An error is the end of a stream, and what a unary call with a stale stream is answered with is all it gets.
      current.answered = stream === undefined || errorIn(message) !== '' || last;
      if (stream !== undefined && last && !stale && errorIn(message) === '')
        send({ header: NO_FIELDS, extra: END, body: NO_BODY }, id);
    },
    writeEnd(exchange) {
      if (current?.exchange !== exchange || current.answered) return;
      current.answered = true;
      // Every unary request is answered with exactly one message, be it an empty one.
      const end =
        current.stream === undefined
          ? { header: NO_FIELDS, body: NO_BODY }
          : { header: NO_FIELDS, extra: END, body: NO_BODY };
      send(end, current.id);
    },
    abandon(exchange, reason) {
      if (current?.exchange !== exchange || current.answered) return;
      current.answered = true;
      incoming.finish(statusOf(MicroError.from(reason)));
    },
    taken: (_exchange, cost) => ahead.taken(cost),
    release(exchange) {
      if (current?.exchange !== exchange) return;
      if (!current.stale) lastStream = current.stream ?? lastStream;
      current = undefined;
      if (peerEnded) incoming.finish();
      else if (isDraining) incoming.finish(statusOf(draining()));
      else incoming.read();
    },
  };

  const begin = ({ message, id = '', stream }: ReceivedMessage): void => {
    const isStream = stream !== undefined;
    const stale = isStream && id !== '' && id !== stream;
    const exchange = createExchange(carrier, { id: nextId++, opened: false, stream: isStream });
    current = { exchange, id, stream, stale, endedByPeer: false, answered: false };
    exchange.deliver(message);
    // After a unary call the next message is read once it is answered.
    if (isStream) {
      ahead.reset();
      ahead.arrived(message);
    } else {
      exchange.deliverEnd();
    }
    accept(exchange);
  };

  const receive = (received: ReceivedMessage): void => {
    const { message, id, stream } = received;
    const isEnd = stream !== undefined && errorIn(message) === END_OF_STREAM;
    if (current === undefined) {
      // What is still on its way for a stream that has ended is no new one.
      const isLeftOver = stream !== undefined && stream === lastStream && (id === undefined || id === stream);
      if (isEnd || isLeftOver) incoming.read();
      else begin(received);
      return;
    }
    if (current.stream === undefined || current.stream !== stream) throw interleaved(stream ?? id, current.id);
    if (!isEnd) {
      current.exchange.deliver(message);
      ahead.arrived(message);
      return;
    }
    current.endedByPeer = true;
    current.exchange.deliverEnd();
  };

  incoming.start();
  return {
    drain() {
      isDraining = true;
      if (current === undefined) incoming.finish(statusOf(draining()));
    },
    close: (reason) => fail(MicroError.from(reason)),
  };
}

function errorIn({ header, extra }: Message): string {
  return extra?.[HEADER.ERROR] ?? header[HEADER.ERROR] ?? '';
}

function interleaved(id: string | undefined, open: string): MicroError {
  const shown = (text: string): string => JSON.stringify(text.slice(0, 40));
  return new MicroError({
    id: 'go.micro.server',
    code: CODE.badRequest,
    detail: `a message of exchange ${shown(id ?? '')} came while ${shown(open)} was open: one gRPC stream carries one at a time`,
  });
}
