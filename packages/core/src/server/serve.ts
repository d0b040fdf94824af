import { HEADER } from '../contract/header.ts';
import type { Header, Message } from '../contract/message.ts';
import type { Request } from '../contract/middleware.ts';
import type { Socket } from '../contract/transport.ts';
import { CODE, REFUSED } from '../error/code.ts';
import { MicroError } from '../error/micro-error.ts';
import { type LegacyRoute, legacyRoute } from '../rpc/legacy-route.ts';
import { legacyServerSocket } from '../rpc/legacy-socket.ts';
import { validate } from '../rpc/validate.ts';
import { readRequest, readTimeout, replyHeader } from '../rpc/wire.ts';
import { isThenable } from '../util/is-thenable.ts';
import { RequestContext } from './request-context.ts';
import { type EventRoute, serveEvent } from './serve-event.ts';
import { answerError, answerFailure, encodeReply, finished, type Prepared, type ServeParts } from './serve-parts.ts';
import { serveStream } from './serve-stream.ts';

/** Makes the function that serves one exchange after the other. */
export function createServe(parts: ServeParts): (socket: Socket) => void {
  const replyHeaders = createReplyHeaders();
  const prepare = createPreparation(parts, replyHeaders);

  const begin = (socket: Socket, message: Message | undefined): void => {
    if (message === undefined) {
      socket.close();
      return;
    }
    let prepared: Prepared | LegacyRoute | EventRoute;
    try {
      prepared = prepare(message.header);
      if (!('route' in prepared)) {
        beginOther(socket, message, prepared);
        return;
      }
    } catch (error) {
      answerError(socket, error, replyHeaders(plainContentType(message.header)), parts, '');
      return;
    }
    const { head, route } = prepared;
    const timeoutMs = readTimeout(message.extra?.[HEADER.TIMEOUT]) ?? head.timeoutMs;
    const refusal = parts.refusal();
    if (refusal !== undefined || timeoutMs === 0) {
      answerError(
        socket,
        refusal === undefined ? expired(head.endpoint) : refused(refusal),
        prepared.replyHeader,
        parts,
        '',
      );
      return;
    }
    const ctx = new RequestContext(
      head.service || parts.name,
      route.endpoint.name,
      timeoutMs,
      message,
      socket,
      parts.deadlines,
    );
    parts.began();
    if (route.endpoint.kind === 'unary') serveUnary(socket, message, prepared, ctx, parts);
    else void serveStream(socket, prepared, ctx, parts);
  };

  /** What is no call as it stands: one inside an envelope, or an event. */
  const beginOther = (socket: Socket, message: Message, prepared: LegacyRoute | EventRoute): void => {
    if ('envelope' in prepared) {
      // The same again with what was inside the envelope.
      const unwrapped = legacyServerSocket(socket, message, prepared);
      begin(unwrapped.socket, unwrapped.message);
      return;
    }
    const refusal = parts.refusal();
    if (refusal === undefined) void serveEvent(socket, message, prepared, parts);
    else answerError(socket, refused(refusal), prepared.replyHeader, parts, '');
  };

  return (socket) => {
    try {
      const first = socket.receive();
      if (first instanceof Promise) first.then((message) => begin(socket, message)).catch(() => socket.close());
      else begin(socket, first);
    } catch {
      // The exchange broke before it began: there is nobody to answer.
      socket.close();
    }
  };
}

/**
 * What the fields of a request lead to. A frozen header is one that its connection sends once and refers to, so what was
 * found for it is kept.
 */
function createPreparation(
  parts: ServeParts,
  replyHeaders: (contentType: string) => Header,
): (header: Header) => Prepared | LegacyRoute | EventRoute {
  const known = new WeakMap<Header, Prepared>();

  const prepare = (header: Header): Prepared | LegacyRoute | EventRoute => {
    const head = readRequest(header);
    // Go handlers forward the topic of an event that they handle with the calls that they make: those are calls.
    if (head.topic !== undefined && head.endpoint === '') {
      return { topic: head.topic, replyHeader: replyHeaders(head.contentType) };
    }
    const legacy = legacyRoute(head.contentType, head.legacy);
    if (legacy !== undefined) return legacy;
    const codec = parts.codecs(head.contentType);
    if (codec === undefined) {
      throw new MicroError({
        id: 'go.micro.server',
        code: CODE.unsupportedMediaType,
        detail: `unsupported Content-Type: ${head.contentType.slice(0, 100)}`,
      });
    }
    const route = parts.router.find(head.endpoint);
    return { head, route, codec, replyHeader: replyHeaders(head.contentType) };
  };

  return (header) => {
    const found = known.get(header);
    if (found !== undefined) return found;
    const prepared = prepare(header);
    if (Object.isFrozen(header) && 'route' in prepared) known.set(header, prepared);
    return prepared;
  };
}

/** One message in, one message out. No promise but the handler's own. */
function serveUnary(
  socket: Socket,
  message: Message,
  prepared: Prepared,
  ctx: RequestContext,
  parts: ServeParts,
): void {
  const { head, route, codec, replyHeader: header } = prepared;
  const { endpoint, handler } = route;

  const answer = (reply: unknown): void => {
    try {
      const room = socket.end({ header, body: encodeReply(reply ?? {}, endpoint, codec) });
      if (room !== undefined) room.catch(ignore);
      finished(ctx, parts);
    } catch (error) {
      fail(error);
    }
  };
  const fail = (error: unknown): void => {
    answerFailure(socket, error, header, parts, endpoint.name);
    finished(ctx, parts);
  };
  const run = (body: unknown): void => {
    const request: Request = {
      service: ctx.service,
      endpoint: endpoint.name,
      kind: 'unary',
      contentType: head.contentType,
      body,
    };
    const reply = handler(request, ctx);
    if (isThenable(reply)) reply.then(answer, fail);
    else answer(reply);
  };

  try {
    const body = validate(endpoint.input, codec.decode(message.body, endpoint.input));
    if (isThenable(body)) body.then(run).then(undefined, fail);
    else run(body);
  } catch (error) {
    fail(error);
  }
}

/** Content types whose reply headers are kept. Callers name them, so there may be any number. */
const MOST_CONTENT_TYPES = 64;

/** The reply header of a content type: the same object each time, since a connection remembers only so many. */
function createReplyHeaders(): (contentType: string) => Header {
  const known = new Map<string, Header>();
  return (contentType) => {
    let header = known.get(contentType);
    if (header === undefined) {
      header = replyHeader(contentType);
      if (known.size < MOST_CONTENT_TYPES) known.set(contentType, header);
    }
    return header;
  };
}

/** What an answer without a codec of its own says it is: what the caller said, where that can be a content type. */
function plainContentType(header: Header): string {
  const contentType = header[HEADER.CONTENT_TYPE];
  const isUsable = contentType !== undefined && contentType !== 'text/plain' && /^[ -~]{1,100}$/.test(contentType);
  return isUsable ? contentType : 'application/json';
}

function refused(reason: string): MicroError {
  return new MicroError({ id: REFUSED, code: CODE.unavailable, detail: reason });
}

function expired(endpoint: string): MicroError {
  return new MicroError({
    id: 'go.micro.server',
    code: CODE.timeout,
    detail: `${endpoint} was not run: its deadline had passed when it arrived`,
  });
}

function ignore(): void {}
