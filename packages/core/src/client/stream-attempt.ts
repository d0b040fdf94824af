import type { Message } from '../contract/message.ts';
import type { Request } from '../contract/middleware.ts';
import type { Node } from '../contract/registry.ts';
import type { Socket } from '../contract/transport.ts';
import type { Messages } from '../contract/typed.ts';
import { sendAll } from '../rpc/message-stream.ts';
import { openMessage, throwIfError } from '../rpc/wire.ts';
import {
  type AttemptParts,
  attemptFailed,
  beginAttempt,
  cancelBySignal,
  decodeReply,
  dial,
  exchangeFailed,
  extraOf,
  markNode,
  readReply,
} from './attempt.ts';
import type { CallContext } from './call-context.ts';

/** One attempt at a call whose requests are a stream and whose answer is one message. */
export async function attemptClientStream(request: Request, ctx: CallContext, parts: AttemptParts): Promise<unknown> {
  const node = await beginAttempt(ctx, parts);
  const stream = openStream(request, ctx, parts, node);
  let message: Message | undefined;
  try {
    message = await stream.socket.receive();
  } catch (error) {
    throw exchangeFailed(error, ctx, parts, node);
  } finally {
    stream.close();
  }
  return readReply(message, ctx, parts, node);
}

/**
 * One attempt at a call that a stream answers. `began` is called before the first message is handed on. Left early by its
 * reader, the stream is given up on both sides.
 */
export async function* attemptReplyStream(
  request: Request,
  ctx: CallContext,
  parts: AttemptParts,
  began: () => void,
): AsyncGenerator<unknown, void, undefined> {
  const node = await beginAttempt(ctx, parts);
  const stream = openStream(request, ctx, parts, node);
  let failure: unknown;
  let fail = exchangeFailed;
  try {
    for (;;) {
      fail = exchangeFailed;
      const next = stream.socket.receive();
      const message = next instanceof Promise ? await next : next;
      // From here on it is what the server said.
      fail = attemptFailed;
      if (message === undefined) break;
      throwIfError(message);
      began();
      yield decodeReply(message, ctx);
    }
  } catch (error) {
    failure = fail(error, ctx, parts, node);
    throw failure;
  } finally {
    if (failure === undefined) markNode(ctx, parts, node);
    stream.close();
  }
}

interface OpenStream {
  readonly socket: Socket;
  close(): void;
}

/** Opens the stream and sends the requests beside whatever is received. */
function openStream(request: Request, ctx: CallContext, parts: AttemptParts, node: Node): OpenStream {
  let over = false;
  try {
    const socket = dial(ctx, parts, node, true);
    const detach = cancelBySignal(ctx, socket);
    // Requests that cannot be produced, encoded or sent end the exchange, and so reach whoever waits for the answer.
    sendRequests(request, ctx, socket, () => over).catch((error: unknown) => {
      if (!over) socket.close(error instanceof Error ? error : new Error(String(error)));
    });
    return {
      socket,
      close() {
        over = true;
        detach?.();
        socket.close();
      },
    };
  } catch (error) {
    throw attemptFailed(error, ctx, parts, node);
  }
}

/** A server stream gets its one request as the first message after the opening, as go-micro's generated clients send it. */
async function sendRequests(request: Request, ctx: CallContext, socket: Socket, over: () => boolean): Promise<void> {
  const { codec } = ctx;
  const { endpoint } = ctx.target;
  const header = ctx.target.header(ctx.timeoutMs);
  const encode = (value: unknown): Message => ({ header, body: codec.encode(value, endpoint.input) });
  await socket.send(openMessage(header, extraOf(ctx, header)));
  if (request.kind === 'serverStream') {
    await socket.send(encode(request.body));
    return;
  }
  await sendAll(request.body as Messages<unknown>, socket, encode, over);
  if (!over()) await socket.end();
}
