import type { Endpoint } from '../contract/definition.ts';
import type { Message } from '../contract/message.ts';
import type { Request } from '../contract/middleware.ts';
import type { Socket } from '../contract/transport.ts';
import type { Messages } from '../contract/typed.ts';
import { CODE } from '../error/code.ts';
import { MicroError } from '../error/micro-error.ts';
import { receiveAll, sendAll } from '../rpc/message-stream.ts';
import { validate } from '../rpc/validate.ts';
import type { RequestContext } from './request-context.ts';
import { answerFailure, encodeReply, finished, type Prepared, type ServeParts } from './serve-parts.ts';

/** Serves a stream: requests are read as the handler asks for them, replies wait while the socket has no room. */
export async function serveStream(
  socket: Socket,
  prepared: Prepared,
  ctx: RequestContext,
  parts: ServeParts,
): Promise<void> {
  const { head, route, codec, replyHeader: header } = prepared;
  const { endpoint, handler } = route;
  const decode = (message: Message): unknown => validate(endpoint.input, codec.decode(message.body, endpoint.input));
  const encode = (value: unknown): Message => ({ header, body: encodeReply(value, endpoint, codec) });
  let broken = false;
  socket.onClose(() => {
    broken = true;
  });

  try {
    const body = await requestBody(endpoint, socket, decode);
    const request: Request = {
      service: ctx.service,
      endpoint: endpoint.name,
      kind: endpoint.kind,
      contentType: head.contentType,
      body,
    };
    const result = handler(request, ctx);
    if (endpoint.kind === 'clientStream') await socket.send(encode((await result) ?? {}));
    else await sendAll((await result) as Messages<unknown>, socket, encode, () => broken);
    if (!broken) await socket.end();
  } catch (error) {
    // What a broken socket throws at a handler that still sends is the end of that handler, not a failure of it.
    if (!broken) answerFailure(socket, error, header, parts, endpoint.name);
  } finally {
    socket.close();
    finished(ctx, parts);
  }
}

async function requestBody(
  { kind, name }: Endpoint,
  socket: Socket,
  decode: (message: Message) => unknown,
): Promise<unknown> {
  if (kind !== 'serverStream') return receiveAll(socket, decode);
  const message = await socket.receive();
  if (message === undefined) {
    throw new MicroError({
      code: CODE.badRequest,
      detail: `${name} got no request: it is a server stream, and has to be called as one`,
    });
  }
  return decode(message);
}
