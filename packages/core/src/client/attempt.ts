import type { Header, Message } from '../contract/message.ts';
import type { Request } from '../contract/middleware.ts';
import type { Node } from '../contract/registry.ts';
import type { Selector } from '../contract/selector.ts';
import type { Socket, Transport } from '../contract/transport.ts';
import { CODE } from '../error/code.ts';
import { MicroError } from '../error/micro-error.ts';
import { legacyClientSocket } from '../rpc/legacy-socket.ts';
import { validate } from '../rpc/validate.ts';
import { requestExtra, throwIfError } from '../rpc/wire.ts';
import { onAbort } from '../util/on-abort.ts';
import type { CallContext } from './call-context.ts';
import { pickNode } from './pick-node.ts';

/** What an attempt needs from its client. */
export interface AttemptParts {
  readonly selector: Selector;
  readonly transport: Transport;
  readonly connectTimeoutMs: number | undefined;
}

/** One attempt at a unary call: a node, a socket, a message there, a message back. */
export function attemptUnary(request: Request, ctx: CallContext, parts: AttemptParts): Promise<unknown> {
  try {
    const node = beginAttempt(ctx, parts);
    return node instanceof Promise
      ? node.then((chosen) => exchange(request, ctx, parts, chosen))
      : exchange(request, ctx, parts, node);
  } catch (error) {
    return Promise.reject(error);
  }
}

function exchange(request: Request, ctx: CallContext, parts: AttemptParts, node: Node): Promise<unknown> {
  let socket: Socket | undefined;
  try {
    socket = dial(ctx, parts, node, false);
    const body = ctx.codec.encode(request.body, ctx.target.endpoint.input);
    // There is nothing more to send, so nobody waits for room; a socket that breaks meanwhile tells its receiver.
    const header = ctx.target.header(ctx.timeoutMs);
    const room = socket.send({ header, extra: extraOf(ctx, header), body });
    if (room !== undefined) room.catch(ignore);
    const detach = cancelBySignal(ctx, socket);
    const reply = socket.receive();
    return (reply instanceof Promise ? reply : Promise.resolve(reply)).then(
      (message) => {
        detach?.();
        return readReply(message, ctx, parts, node);
      },
      (error: unknown) => {
        detach?.();
        throw exchangeFailed(error, ctx, parts, node);
      },
    );
  } catch (error) {
    socket?.close();
    return Promise.reject(attemptFailed(error, ctx, parts, node));
  }
}

/** Counts the attempt and chooses its node. */
export function beginAttempt(ctx: CallContext, parts: AttemptParts): Node | Promise<Node> {
  ctx.attempts += 1;
  if (ctx.options.signal?.aborted === true) throw ctx.cancelled();
  if (ctx.deadline !== undefined && ctx.timeLeft() <= 0) throw ctx.timedOut();
  return pickNode(ctx, parts.selector);
}

/** Opens the exchange with the node. */
export function dial(ctx: CallContext, parts: AttemptParts, node: Node, stream: boolean): Socket {
  ctx.node = node;
  ctx.phase = 'wait';
  const socket = parts.transport.dial(node.address, {
    stream,
    metadata: node.metadata,
    deadline: ctx.deadline,
    connectTimeoutMs: ctx.options.connectTimeoutMs ?? parts.connectTimeoutMs,
    endpoint: ctx.target.endpoint,
  });
  // go-micro's rule: a node that does not say which protocol it speaks is an old one.
  const legacy = node.metadata.protocol === undefined ? ctx.target.legacy : undefined;
  ctx.codec = legacy?.codec ?? ctx.target.codec;
  return legacy === undefined ? socket : legacyClientSocket(socket, ctx.endpoint, legacy.contentType, legacy.route);
}

/** The fields of this call alone: its metadata, and the time that is left where the common header does not say it. */
export function extraOf(ctx: CallContext, header: Header): Header | undefined {
  const metadata = ctx.givenMetadata;
  const usualTime = ctx.deadline === undefined || (ctx.attempts === 1 && header !== ctx.target.untimed);
  if (metadata === undefined && usualTime) return undefined;
  return requestExtra(metadata, usualTime ? undefined : ctx.timeLeft());
}

/** Gives the exchange up when the caller's signal aborts. Returns what takes the listener off again. */
export function cancelBySignal(ctx: CallContext, socket: Socket): (() => void) | undefined {
  const { signal } = ctx.options;
  return signal === undefined ? undefined : onAbort(signal, () => socket.close(ctx.cancelled()));
}

/** The answer out of the message that holds it. Throws the error that it holds instead. */
export function readReply(message: Message | undefined, ctx: CallContext, parts: AttemptParts, node: Node): unknown {
  try {
    if (message === undefined) {
      throw new MicroError({
        id: 'go.micro.client',
        code: CODE.internal,
        detail: `${ctx.service} ${ctx.endpoint} at ${node.address} ended without an answer`,
      });
    }
    ctx.options.onHeader?.({ ...message.header, ...message.extra });
    throwIfError(message);
    const reply = decodeReply(message, ctx);
    markNode(ctx, parts, node);
    return reply;
  } catch (error) {
    throw attemptFailed(error, ctx, parts, node);
  }
}

/**
 * The value in a message of the server, as the validator of its type makes it where there is one. An answer that does not
 * decode, or is refused, is no fault of the request that was answered: a 500.
 */
export function decodeReply(message: Message, ctx: CallContext): unknown {
  const { output } = ctx.target.endpoint;
  try {
    const reply = validate(output, ctx.codec.decode(message.body, output));
    return reply instanceof Promise ? reply.catch((error: unknown) => Promise.reject(badReply(error, ctx))) : reply;
  } catch (error) {
    throw badReply(error, ctx);
  }
}

function badReply(error: unknown, { service, endpoint }: CallContext): MicroError {
  const { code, detail } = MicroError.from(error);
  return new MicroError({
    id: 'go.micro.client',
    code: code === CODE.badRequest ? CODE.internal : code,
    detail: `${service} ${endpoint} answered with what its caller cannot take: ${detail}`,
    cause: error,
  });
}

/** The door for what comes from below: marks the node and makes a `MicroError` that says where the time went. */
export function attemptFailed(error: unknown, ctx: CallContext, parts: AttemptParts, node: Node): MicroError {
  const known = MicroError.from(error, { id: 'go.micro.client' });
  markNode(ctx, parts, node, known);
  ctx.tried ??= [];
  ctx.tried.push(node);
  // A server that ran out of time itself answers 408 with its own words; ours comes from the socket's deadline.
  const ours = known.code === CODE.timeout && ctx.deadline !== undefined && ctx.timeLeft() <= 0;
  return ours ? ctx.timedOut(known) : known;
}

/**
 * The same for what the transport says of an exchange that got no answer: it knows an address, and not which node of which
 * service was meant.
 */
export function exchangeFailed(error: unknown, ctx: CallContext, parts: AttemptParts, node: Node): MicroError {
  const failure = attemptFailed(error, ctx, parts, node);
  if (failure.code !== CODE.unavailable) return failure;
  const { id, code, unexecuted } = failure;
  const detail = `${ctx.service} ${ctx.endpoint} at ${node.id}: ${failure.detail}`;
  return new MicroError({ id, code, unexecuted, detail, cause: failure.cause ?? failure });
}

/** Tells the selector how the attempt went; a node that the caller named is none of its business. */
export function markNode(ctx: CallContext, parts: AttemptParts, node: Node, error?: MicroError): void {
  if (ctx.options.address === undefined) parts.selector.mark(ctx.service, node, error);
}

function ignore(): void {}
