import { status as GRPC, Metadata, type ServerInterceptingCallInterface } from '@grpc/grpc-js';
import {
  type Carrier,
  createExchange,
  END_OF_STREAM,
  type Exchange,
  HEADER,
  type Message,
  MicroError,
  type Socket,
} from '@micro/core';
import type { GrpcLimits } from './grpc-options.ts';
import { statusOf } from './grpc-status.ts';
import type { OpenCall } from './listen.ts';
import { createMessageReader, type ReceivedMessage, tooLarge, writeMessage } from './message-codec.ts';
import { draining, gone } from './refusal.ts';

/** What serving a gRPC stream of go-micro's messages needs from the listener. */
export interface ServeMessagesOptions {
  readonly accept: (socket: Socket) => void;
  readonly limits: GrpcLimits;
  readonly local: string;
  readonly remote: string;
  /** The gRPC stream is over. Called once. */
  readonly closed: () => void;
}

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

/** So much may wait to be sent before a sender has to wait too. */
const CONGESTED_ABOVE = 64 * 1024;
const NO_BODY = new Uint8Array(0);
const NO_FIELDS = Object.freeze(Object.create(null));

/**
 * Serves one gRPC stream as go-micro uses it: a connection that carries one exchange after the other. While one is open
 * nothing else is read but what belongs to it, so that a peer which sends more waits, and HTTP/2 tells it to.
 */
export function serveMessages(call: ServerInterceptingCallInterface, options: ServeMessagesOptions): OpenCall {
  const { accept, limits, local, remote } = options;
  const read = createMessageReader(limits);
  let current: Current | undefined;
  let lastStream: string | undefined;
  let nextId = 0;
  let unsent = 0;
  let reading = false;
  let isDraining = false;
  let peerEnded = false;
  let over = false;

  const readOn = (): void => {
    if (reading || over || peerEnded) return;
    reading = true;
    call.startRead();
  };

  const finish = (status: { code: number; details: string; metadata?: Metadata | null | undefined }): void => {
    if (over) return;
    over = true;
    call.sendStatus({ code: status.code, details: status.details, metadata: status.metadata ?? new Metadata() });
    options.closed();
  };
  const finishOk = (): void => finish({ code: GRPC.OK, details: '' });

  const send = (message: Message, id: string): void => {
    if (message.body.length > limits.maxMessageBytes) throw tooLarge(message.body.length, limits);
    const bytes = writeMessage(message, id, false);
    unsent += bytes.length;
    call.sendMessage(bytes, () => {
      unsent -= bytes.length;
      if (unsent <= CONGESTED_ABOVE) current?.exchange.resume();
    });
  };

  const endStream = (id: string): void => {
    send({ header: NO_FIELDS, extra: { [HEADER.ERROR]: END_OF_STREAM }, body: NO_BODY }, id);
  };

  const carrier: Carrier = {
    local,
    remote,
    get congested() {
      return unsent > CONGESTED_ABOVE;
    },
    write(exchange, message, last) {
      if (over || current?.exchange !== exchange || current.answered) return;
      const { id, stream, stale } = current;
      send(message, id);
      const isError = (message.extra?.[HEADER.ERROR] ?? message.header[HEADER.ERROR] ?? '') !== '';
      // An error is the end of a stream, and what a unary call with a stale stream is answered with is all it gets.
      if (stream === undefined || isError || (last && stale)) {
        current.answered = true;
      } else if (last) {
        current.answered = true;
        endStream(id);
      }
    },
    writeEnd(exchange) {
      if (over || current?.exchange !== exchange || current.answered) return;
      current.answered = true;
      // Every unary request is answered with exactly one message, be it an empty one.
      if (current.stream === undefined) send({ header: NO_FIELDS, body: NO_BODY }, current.id);
      else endStream(current.id);
    },
    abandon(exchange, reason) {
      if (over || current?.exchange !== exchange || current.answered) return;
      current.answered = true;
      finish(statusOf(MicroError.from(reason)));
    },
    taken: () => {
      if (current?.endedByPeer === false) readOn();
    },
    release(exchange) {
      if (current?.exchange !== exchange) return;
      lastStream = current.stale ? lastStream : (current.stream ?? lastStream);
      current = undefined;
      if (over) return;
      if (peerEnded) finishOk();
      else if (isDraining) finish(statusOf(draining()));
      else readOn();
    },
  };

  const begin = ({ message, id = '', stream: named, oldStream }: ReceivedMessage): void => {
    const stream = named ?? (oldStream ? id : undefined);
    const isStream = stream !== undefined;
    const exchange = createExchange(carrier, { id: nextId++, opened: false, stream: isStream });
    current = {
      exchange,
      id,
      stream,
      stale: isStream && id !== '' && id !== stream,
      endedByPeer: false,
      answered: false,
    };
    exchange.deliver(message);
    // A unary call is read on after its answer only.
    if (!isStream) exchange.deliverEnd();
    accept(exchange);
  };

  const receive = (bytes: Uint8Array): void => {
    const received = read(bytes);
    const { message, id, stream = received.oldStream ? (id ?? '') : undefined } = received;
    const isEnd =
      stream !== undefined && (message.extra?.[HEADER.ERROR] ?? message.header[HEADER.ERROR]) === END_OF_STREAM;
    if (current !== undefined) {
      if (current.stream === undefined || current.stream !== stream) {
        throw new MicroError({
          code: 400,
          detail: `a message of exchange ${shown(stream ?? id)} came while ${shown(current.id)} was open: one gRPC stream carries one at a time`,
        });
      }
      if (isEnd) {
        current.endedByPeer = true;
        current.exchange.deliverEnd();
      } else {
        current.exchange.deliver(message);
      }
      return;
    }
    // What is still on its way for a stream that has ended is no new one.
    const isLeftOver = stream !== undefined && stream === lastStream && (id === undefined || id === stream);
    if (isEnd || isLeftOver) readOn();
    else begin(received);
  };

  call.start({
    onReceiveMetadata: () => readOn(),
    onReceiveMessage(bytes: Uint8Array) {
      reading = false;
      if (over) return;
      try {
        receive(bytes);
      } catch (error) {
        const failure = MicroError.from(error);
        finish(statusOf(failure));
        current?.exchange.fail(failure);
      }
    },
    onReceiveHalfClose() {
      reading = false;
      peerEnded = true;
      if (current === undefined) finishOk();
      else current.exchange.deliverEnd();
    },
    onCancel() {
      if (!over) {
        over = true;
        options.closed();
      }
      current?.exchange.fail(gone(remote));
    },
  });

  return {
    drain() {
      isDraining = true;
      if (current === undefined) finish(statusOf(draining()));
    },
    close(reason) {
      const open = current;
      finish(statusOf(MicroError.from(reason)));
      open?.exchange.fail(reason);
    },
  };
}

function shown(id: string | undefined): string {
  return JSON.stringify((id ?? '').slice(0, 40));
}
