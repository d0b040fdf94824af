import { CODE, HEADER, type Header, type Kind, MicroError, type Socket } from '@micro/core';
import { type Carrier, createExchange, type Exchange, parseError } from '@micro/core/plugin';
import { readMetadata } from './grpc-metadata.ts';
import type { GrpcLimits } from './grpc-options.ts';
import { statusOf } from './grpc-status.ts';
import { receiveCall, type ServeCall } from './incoming-call.ts';
import { servedType } from './payload.ts';
import { gone, tooLarge } from './refusal.ts';

/** A method that gRPC can call. */
export interface ServedMethod {
  /** The endpoint on micro's wire, `Handler.Method`. */
  readonly endpoint: string;
  readonly kind: Kind;
}

const NO_BODY = new Uint8Array(0);

/**
 * Serves a method to any gRPC client: its call becomes an exchange like any other, so that what serves it (middleware, the
 * handler, deadlines, draining) is what serves every call, and does not know the difference.
 */
export function serveMethod(
  { endpoint, kind }: ServedMethod,
  limits: GrpcLimits,
  accept: (socket: Socket) => void,
): ServeCall {
  const headerOf = createHeaders(endpoint);
  const isStream = kind !== 'unary';

  return (incomingCall) => {
    const { call, local, remote } = incomingCall;
    let exchange: Exchange | undefined;
    let header: Header = headerOf(servedType(undefined));
    let extra: Record<string, string> | undefined;

    const incoming = receiveCall(incomingCall, {
      metadata(metadata) {
        const said = readMetadata(metadata);
        header = headerOf(servedType(said.contentType));
        extra = said.fields;
        const timeoutMs = Math.min(timeLeft(call.getDeadline()), said.timeoutMs ?? Number.POSITIVE_INFINITY);
        if (timeoutMs !== Number.POSITIVE_INFINITY) extra[HEADER.TIMEOUT] = String(Math.round(timeoutMs * 1e6));
        if (isStream) begin(NO_BODY);
        else incoming.read();
      },
      message(body) {
        if (body.length > limits.maxMessageBytes) incoming.finish(statusOf(tooLarge(body.length, limits)));
        else if (exchange !== undefined) exchange.deliver({ header, body });
        else begin(body);
      },
      half() {
        if (exchange !== undefined) exchange.deliverEnd();
        else incoming.finish(statusOf(noRequest(endpoint)));
      },
      room: () => exchange?.resume(),
      cancelled: () => exchange?.fail(gone(remote)),
    });

    /** A unary call begins with its message; a stream with a message that opens it and has no body of its own. */
    const begin = (body: Uint8Array): void => {
      exchange = createExchange(carrier, { id: 0, opened: false, stream: isStream });
      exchange.deliver({ header, extra, body });
      if (!isStream) exchange.deliverEnd();
      accept(exchange);
    };

    const carrier: Carrier = {
      local,
      remote,
      get congested() {
        return incoming.congested;
      },
      write(_exchange, message, last) {
        const error = message.extra?.[HEADER.ERROR] ?? message.header[HEADER.ERROR] ?? '';
        if (error !== '') {
          incoming.finish(statusOf(parseError(error)));
          return;
        }
        if (message.body.length > limits.maxMessageBytes) throw tooLarge(message.body.length, limits);
        incoming.send(message.body);
        if (last) incoming.finish();
      },
      writeEnd: () => incoming.finish(),
      abandon: (_exchange, reason) => incoming.finish(statusOf(MicroError.from(reason))),
      taken: () => incoming.read(),
      release() {},
    };

    incoming.start();
    return {
      // What is open is finished; new calls are refused by the listener.
      drain() {},
      close(reason) {
        incoming.finish(statusOf(MicroError.from(reason)));
        exchange?.fail(reason);
      },
    };
  };
}

/** The header of an endpoint's messages by content type: the same object each time, since the server knows it by that. */
function createHeaders(endpoint: string): (contentType: string) => Header {
  const headers = new Map<string, Header>();
  return (contentType) => {
    let header = headers.get(contentType);
    if (header === undefined) {
      const fields: Record<string, string> = Object.create(null);
      fields[HEADER.METHOD] = endpoint;
      fields[HEADER.ENDPOINT] = endpoint;
      fields[HEADER.CONTENT_TYPE] = contentType;
      // A bare message, whatever else the metadata says.
      fields[HEADER.PROTOCOL] = 'grpc';
      header = Object.freeze(fields);
      headers.set(contentType, header);
    }
    return header;
  };
}

function timeLeft(deadline: Date | number): number {
  return deadline === Number.POSITIVE_INFINITY ? deadline : Math.max(0, Number(deadline) - Date.now());
}

function noRequest(endpoint: string): MicroError {
  const detail = `${endpoint} got no request: the call ended before its message`;
  return new MicroError({ id: 'go.micro.server', code: CODE.badRequest, detail });
}
