import { status as GRPC, Metadata, type ServerInterceptingCallInterface } from '@grpc/grpc-js';
import type { GrpcStatus } from './grpc-status.ts';

/** What a listener may do to a call that is open. */
export interface OpenCall {
  /** Finish what is open, take nothing new. */
  drain(): void;
  /** End at once. */
  close(reason: Error): void;
}

/** A call that came in, and where from. */
export interface IncomingCall {
  readonly call: ServerInterceptingCallInterface;
  /** `host:port` of this side and of the other. */
  readonly local: string;
  readonly remote: string;
  /** To be called once when it is over. */
  readonly closed: () => void;
}

/** Serves the calls of one path. What it returns is told of the end of the listener. */
export type ServeCall = (incoming: IncomingCall) => OpenCall;

/** What is told of a call that came in. */
export interface IncomingListener {
  metadata(metadata: Metadata): void;
  message(bytes: Buffer): void;
  /** The peer sends nothing more. */
  half(): void;
  /** There is room again. */
  room(): void;
  /** The peer gave it up or is lost, or its deadline has passed. Not told after `finish`. */
  cancelled(): void;
}

/** A call that came in, read one message at a time. */
export interface Incoming {
  /** More is waiting than should. */
  readonly congested: boolean;
  /** Nothing more goes out. */
  readonly over: boolean;
  /** From now on the listener is told, at once of the metadata. */
  start(): void;
  read(): void;
  send(bytes: Uint8Array): void;
  /** Ends the call. Does nothing when it has ended. */
  finish(status?: GrpcStatus): void;
}

/** So much may wait to be sent before a sender has to wait too. */
const CONGESTED_ABOVE = 64 * 1024;
const OK: GrpcStatus = { code: GRPC.OK, details: '' };

/** Reads a call once it is started. */
export function receiveCall({ call, closed }: IncomingCall, listener: IncomingListener): Incoming {
  let unsent = 0;
  let reading = false;
  let ended = false;
  let over = false;

  const end = (): void => {
    over = true;
    closed();
  };
  const incoming: Incoming = {
    get congested() {
      return !over && unsent > CONGESTED_ABOVE;
    },
    get over() {
      return over;
    },
    start() {
      call.start({
        onReceiveMetadata: (metadata) => listener.metadata(metadata),
        onReceiveMessage(bytes: Buffer) {
          reading = false;
          if (!over) listener.message(bytes);
        },
        onReceiveHalfClose() {
          reading = false;
          ended = true;
          if (!over) listener.half();
        },
        onCancel() {
          if (over) return;
          end();
          listener.cancelled();
        },
      });
    },
    read() {
      if (reading || ended || over) return;
      reading = true;
      call.startRead();
    },
    send(bytes) {
      if (over) return;
      const { length } = bytes;
      unsent += length;
      // The library wants a Buffer; it copies what it is given.
      const view = Buffer.from(bytes.buffer, bytes.byteOffset, length);
      call.sendMessage(view, () => {
        const was = unsent;
        unsent -= length;
        if (was > CONGESTED_ABOVE && unsent <= CONGESTED_ABOVE && !over) listener.room();
      });
    },
    finish({ code, details, metadata } = OK) {
      if (over) return;
      end();
      call.sendStatus({ code, details, metadata: metadata ?? new Metadata() });
    },
  };
  return incoming;
}

/** Refuses a call before anything of it is read. */
export function refuseCall(call: ServerInterceptingCallInterface, { code, details, metadata }: GrpcStatus): void {
  call.sendStatus({ code, details, metadata: metadata ?? new Metadata() });
}

/** What a listener may do to a call that it need not wait for. */
export function openCallOf(incoming: Incoming, statusFor: (reason: Error) => GrpcStatus): OpenCall {
  return { drain() {}, close: (reason) => incoming.finish(statusFor(reason)) };
}
