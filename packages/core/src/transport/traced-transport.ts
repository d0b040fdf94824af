import type { Logger } from '../contract/logger.ts';
import type { Message } from '../contract/message.ts';
import type { Socket, Transport } from '../contract/transport.ts';
import { CREDENTIAL_HEADERS } from '../util/reserved-header.ts';

/** More of a body says little in a log. */
const LONGEST_BODY = 1_024;

/**
 * Writes every message that a transport carries to the log, at level `trace`: the fields with their names, and the body as
 * text, cut at 1,024 bytes. Credentials are left out. A service puts it around its transport when its logger writes that
 * level, so at any other level it costs nothing.
 */
export function tracedTransport(transport: Transport, logger: Logger): Transport {
  let exchanges = 0;
  return {
    name: transport.name,
    listen: (address, accept, options) =>
      transport.listen(address, (socket) => accept(traced(socket, `in ${++exchanges}`, logger)), options),
    dial: (address, options) => traced(transport.dial(address, options), `out ${++exchanges}`, logger),
    close: () => transport.close(),
  };
}

function traced(socket: Socket, exchange: string, logger: Logger): Socket {
  const write = (what: string, message?: Message): void => {
    const fields = message === undefined ? {} : { fields: shownFields(message), body: shownBody(message.body) };
    logger.log('trace', `${exchange}: ${what}`, { peer: socket.remote, ...fields });
  };
  const received = (message: Message | undefined): Message | undefined => {
    write(message === undefined ? 'the peer has ended' : 'received', message);
    return message;
  };
  return {
    get local() {
      return socket.local;
    },
    get remote() {
      return socket.remote;
    },
    send(message) {
      write('sent', message);
      return socket.send(message);
    },
    end(message) {
      write('ended', message);
      return socket.end(message);
    },
    receive() {
      const message = socket.receive();
      return message instanceof Promise ? message.then(received) : received(message);
    },
    close(reason) {
      if (reason !== undefined) write(`closed: ${reason.message}`);
      socket.close(reason);
    },
    onClose: (listener) => socket.onClose(listener),
  };
}

function shownFields({ header, extra }: Message): Record<string, string> {
  const fields: Record<string, string> = { ...header, ...extra };
  for (const name of CREDENTIAL_HEADERS) delete fields[name];
  return fields;
}

function shownBody(body: Uint8Array): string {
  const text = Buffer.from(body.buffer, body.byteOffset, Math.min(body.length, LONGEST_BODY)).toString();
  return body.length > LONGEST_BODY ? `${text}… (${body.length} bytes)` : text;
}
