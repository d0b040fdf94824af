import type { ChannelInterface, InterceptingListener, Metadata } from '@grpc/grpc-js';
import { status as GRPC } from '@grpc/grpc-js';
import type { Peer } from './channels.ts';

/** A call as gRPC's library makes it: messages as bytes, nothing read that was not asked for. */
type RawCall = ReturnType<ChannelInterface['createCall']>;

/** What is told of a call. */
export interface OutgoingListener {
  message(bytes: Buffer): void;
  /** There is room again. */
  room(): void;
  /** The call is over; nothing is told after this. `reached` says whether it got as far as a connection. */
  status(status: Parameters<InterceptingListener['onReceiveStatus']>[0], reached: boolean): void;
}

/** A call on a channel that keeps to what gRPC's library can take: one message at a time. */
export interface OutgoingCall {
  /** More is waiting than should. */
  readonly congested: boolean;
  /** Whether it got as far as a connection. */
  reached(): boolean;
  write(message: Buffer): void;
  /** No more messages, once those that wait are sent. */
  end(): void;
  read(): void;
  cancel(why: string): void;
}

/** So much may wait to be sent before a sender has to wait too. */
const CONGESTED_ABOVE = 64 * 1024;

/** Opens a call. Its deadline is kept by who opens it. */
export function openCall(peer: Peer, path: string, metadata: Metadata, listener: OutgoingListener): OutgoingCall {
  const { channel } = peer;
  const call: RawCall = channel.createCall(path, Number.POSITIVE_INFINITY, undefined, null, undefined);
  const waiting: Buffer[] = [];
  let unsent = 0;
  let sending = false;
  let reading = false;
  let ended = false;
  let halfClosed = false;
  let over = false;

  // Before it has a connection a call is at its channel's target, or at nothing that is known.
  const reached = (): boolean => {
    const at = call.getPeer();
    return at !== 'unknown' && at !== channel.getTarget();
  };

  const sent = (bytes: number): void => {
    unsent -= bytes;
    sending = false;
    if (over) return;
    const next = waiting.shift();
    if (next !== undefined) pass(next);
    else if (ended) half();
    if (unsent <= CONGESTED_ABOVE) listener.room();
  };
  const half = (): void => {
    if (halfClosed) return;
    halfClosed = true;
    call.halfClose();
  };
  const pass = (message: Buffer): void => {
    sending = true;
    call.sendMessageWithContext({ callback: () => sent(message.length) }, message);
  };

  call.start(metadata, {
    onReceiveMetadata() {},
    onReceiveMessage(bytes: Buffer | null) {
      reading = false;
      if (bytes !== null && !over) listener.message(bytes);
    },
    onReceiveStatus(status) {
      if (over) return;
      over = true;
      listener.status(status, reached());
    },
  });

  return {
    get congested() {
      return unsent > CONGESTED_ABOVE;
    },
    reached,
    write(message) {
      if (over || ended) return;
      unsent += message.length;
      if (sending) waiting.push(message);
      else pass(message);
    },
    end() {
      if (over || ended) return;
      ended = true;
      // The last message and the end may go together: the library keeps them in order.
      if (waiting.length === 0) half();
    },
    read() {
      if (reading || over) return;
      reading = true;
      call.startRead();
    },
    cancel(why) {
      call.cancelWithStatus(GRPC.CANCELLED, why);
    },
  };
}
