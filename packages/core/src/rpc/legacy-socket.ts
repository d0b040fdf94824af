import { END_OF_STREAM, HEADER } from '../contract/header.ts';
import type { Header, Message } from '../contract/message.ts';
import type { Socket } from '../contract/transport.ts';
import type { LegacyRoute } from './legacy-route.ts';
import { parseError } from './wire.ts';

/**
 * The server's side of an exchange whose messages are wrapped in a legacy envelope, as one whose messages are not. Given
 * the first message as it arrived; returns it as it is inside. Throws a 400 when there is no envelope around it.
 */
export function legacyServerSocket(
  socket: Socket,
  first: Message,
  route: LegacyRoute,
): { socket: Socket; message: Message } {
  const { envelope } = route;
  const outerType = first.header[HEADER.CONTENT_TYPE] ?? '';
  let id = '';

  const unwrap = (message: Message): Message => {
    const request = envelope.readRequest(message.body);
    id = request.id;
    const header = withContentType(message.header, route.contentType);
    if (request.method !== '') {
      header[HEADER.ENDPOINT] = request.method;
      header[HEADER.METHOD] = request.method;
    }
    // The envelope is off: what is inside must not be taken for another one.
    header[HEADER.PROTOCOL] = 'mucp';
    delete header[HEADER.TARGET];
    return { header, extra: message.extra, body: request.body };
  };
  const wrap = (message: Message): Message => {
    const text = message.extra?.[HEADER.ERROR] ?? message.header[HEADER.ERROR] ?? '';
    // go-micro leaves the id of an error reply empty.
    const body = envelope.writeReply({ id: text === '' ? id : '', body: message.body, error: text });
    return { ...message, header: withContentType(message.header, outerType), body };
  };

  return { message: unwrap(first), socket: wrapped(socket, wrap, unwrap) };
}

/**
 * The client's side of an exchange with a node that does not say which protocol it speaks: go-micro sends such a node its
 * legacy envelopes, so what is sent here is wrapped and what arrives is unwrapped.
 */
export function legacyClientSocket(socket: Socket, endpoint: string, contentType: string, route: LegacyRoute): Socket {
  const { envelope } = route;
  let sent = 0;
  const wrap = (message: Message): Message => ({
    ...message,
    header: withContentType(message.header, contentType),
    body: envelope.writeRequest({ method: endpoint, id: String(++sent), body: message.body }),
  });
  const unwrap = (message: Message): Message => {
    if (message.body.length === 0) return message;
    const reply = envelope.readReply(message.body);
    if (reply.error !== '' && reply.error !== END_OF_STREAM) throw parseError(reply.error);
    return { ...message, body: reply.body };
  };
  return wrapped(socket, wrap, unwrap);
}

function wrapped(socket: Socket, wrap: (message: Message) => Message, unwrap: (message: Message) => Message): Socket {
  const unwrapAny = (message: Message | undefined): Message | undefined =>
    message === undefined ? undefined : unwrap(message);
  return {
    get local() {
      return socket.local;
    },
    get remote() {
      return socket.remote;
    },
    send: (message) => socket.send(wrap(message)),
    end: (message) => socket.end(message === undefined ? undefined : wrap(message)),
    receive() {
      const message = socket.receive();
      return message instanceof Promise ? message.then(unwrapAny) : unwrapAny(message);
    },
    close: (reason) => socket.close(reason),
    onClose: (listener) => socket.onClose(listener),
  };
}

function withContentType(header: Header, contentType: string): Record<string, string> {
  const changed: Record<string, string> = Object.create(null);
  Object.assign(changed, header);
  changed[HEADER.CONTENT_TYPE] = contentType;
  return changed;
}
