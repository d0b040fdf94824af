import type { Broker } from '../contract/broker.ts';
import type { Client, ClientStream, UntypedRequest } from '../contract/client.ts';
import type { Codec } from '../contract/codec.ts';
import type { CallOptions, Context } from '../contract/context.ts';
import type { Describes, Endpoint, Kind } from '../contract/definition.ts';
import type { Handler, Request } from '../contract/middleware.ts';
import type { Selector } from '../contract/selector.ts';
import type { Transport } from '../contract/transport.ts';
import type { ClientOf } from '../contract/typed.ts';
import { CODE } from '../error/code.ts';
import { MicroError } from '../error/micro-error.ts';
import { compose } from '../middleware/compose.ts';
import { describe } from '../rpc/describe.ts';
import { promisedIterable } from '../util/promised-iterable.ts';
import { createPushable } from '../util/pushable.ts';
import { attemptUnary } from './attempt.ts';
import { CallContext, callOptions } from './call-context.ts';
import type { ClientSettings } from './client-settings.ts';
import { connectedBroker, eventMessage, publishOptions } from './publish.ts';
import { fullJitter, type RetryDefaults, retryUnexecuted, streamWithRetries, withRetries } from './retry.ts';
import { attemptClientStream, attemptReplyStream } from './stream-attempt.ts';
import { createTarget, type Target } from './target.ts';

/** What a client is made from. */
export interface RpcClientOptions extends ClientSettings {
  readonly selector: Selector;
  readonly transport: Transport;
  /** The codec of a content type. */
  readonly codecs: (contentType: string) => Codec | undefined;
  /** Needed to publish. */
  readonly broker?: Broker | undefined;
}

const TIMEOUT_MS = 5_000;
const RETRIES = 3;
/** Endpoints called by name that are kept prepared. */
const MOST_UNTYPED_TARGETS = 1_000;

/** The client of go-micro's protocol (`mucp`): typed by a definition, or by name. */
export function createRpcClient(options: RpcClientOptions): Client {
  const { selector, transport, timeoutMs = TIMEOUT_MS, streamTimeoutMs = 0 } = options;
  const usualContentType = options.contentType ?? 'application/json';
  const parts = { selector, transport, connectTimeoutMs: options.connectTimeoutMs };
  const retries: RetryDefaults = {
    retries: options.retries ?? RETRIES,
    retry: options.retry ?? retryUnexecuted,
    backoff: options.backoff ?? fullJitter,
  };

  const unary = withRetries((request, ctx) => attemptUnary(request, ctx, parts), retries);
  const send: Handler = (request, given) => {
    const ctx = ownContext(given);
    switch (request.kind) {
      case 'unary':
        return unary(request, ctx);
      case 'clientStream':
        // Requests that were handed on cannot be produced again, so such a call has one attempt.
        return attemptClientStream(request, ctx, parts);
      case 'bidiStream':
        return attemptReplyStream(request, ctx, parts, () => {});
      case 'serverStream':
        return streamWithRetries(
          (again, sameCtx, began) => attemptReplyStream(again, sameCtx, parts, began),
          request,
          ctx,
          retries,
        );
    }
  };
  const handler = compose(options.middleware ?? [], send);

  const codecOf = (contentType: string): Codec => {
    const codec = options.codecs(contentType);
    if (codec !== undefined) return codec;
    throw new MicroError({
      id: 'go.micro.client',
      code: CODE.unsupportedMediaType,
      detail: `unsupported Content-Type: ${contentType}`,
    });
  };

  const start = (target: Target, body: unknown, given: CallOptions | Context | undefined): unknown => {
    const { endpoint } = target;
    const chosen = callOptions(given);
    const usual = endpoint.kind === 'unary' || endpoint.kind === 'clientStream' ? timeoutMs : streamTimeoutMs;
    // As in go-micro, a deadline that was handed on stands in place of the usual timeout.
    const allowedMs = chosen.timeoutMs ?? (chosen.deadline === undefined ? usual : 0);
    // What is no time at all would be no limit, and nobody would notice that this call waits for ever.
    if (!isTime(allowedMs)) throw badTime('timeoutMs', allowedMs, 'give milliseconds, or 0 for no limit');
    if (chosen.deadline !== undefined && !isTime(chosen.deadline))
      throw badTime('deadline', chosen.deadline, 'give milliseconds since the epoch');
    const ctx = new CallContext(target, chosen, allowedMs);
    const request: Request = {
      service: target.service,
      endpoint: endpoint.name,
      kind: endpoint.kind,
      contentType: target.contentType,
      body,
    };
    return handler(request, ctx);
  };

  /** The function of one method. It prepares what every call of it has in common, once per content type. */
  const method = (service: string, endpoint: Endpoint) => {
    const targets = new Map<string, Target>();
    const targetFor = (contentType: string): Target => {
      let target = targets.get(contentType);
      if (target === undefined) {
        target = createTarget(service, endpoint, contentType, codecOf(contentType), options.codecs);
        targets.set(contentType, target);
      }
      return target;
    };
    const call = (body: unknown, given?: CallOptions | Context): unknown =>
      start(targetFor(contentTypeOf(given) ?? usualContentType), body, given);
    if (endpoint.kind === 'unary' || endpoint.kind === 'clientStream') {
      // What is wrong with the call itself is a rejection too, never a throw.
      return (body: unknown, given?: CallOptions | Context): Promise<unknown> => {
        try {
          return asPromise(call(body, given));
        } catch (error) {
          return Promise.reject(error);
        }
      };
    }
    return (body: unknown, given?: CallOptions | Context): unknown => {
      const replies = call(body, given);
      // Middleware may be an async function, and then promises what the caller is to iterate.
      return replies instanceof Promise ? promisedIterable(replies) : replies;
    };
  };

  const untyped = new Map<string, ReturnType<typeof method>>();
  const untypedMethod = ({ service, endpoint }: UntypedRequest, kind: Kind): ReturnType<typeof method> => {
    const key = `${kind} ${service} ${endpoint}`;
    let found = untyped.get(key);
    if (found === undefined) {
      found = method(service, {
        name: endpoint,
        method: endpoint,
        kind,
        input: ANY,
        output: ANY,
        idempotent: false,
        metadata: {},
      });
      if (untyped.size >= MOST_UNTYPED_TARGETS) untyped.clear();
      untyped.set(key, found);
    }
    return found;
  };

  return {
    name: 'mucp',
    async call(request, given) {
      return untypedMethod(request, 'unary')(request.body, given);
    },
    stream(request, given): ClientStream {
      const requests = createPushable<unknown>();
      const replies = untypedMethod(request, 'bidiStream')(requests, given) as AsyncIterable<unknown>;
      const iterator = replies[Symbol.asyncIterator]();
      // The stream opens now, not when somebody begins to read: whoever sends first would wait for ever.
      const first = iterator.next();
      first.catch(() => {});
      let begun = false;
      const close = (): void => {
        requests.fail(new MicroError({ id: 'go.micro.client', code: CODE.cancelled, detail: 'the stream was closed' }));
        iterator.return?.()?.catch(() => {});
      };
      return {
        send: (message) => requests.send(message),
        end: async () => requests.end(),
        close,
        [Symbol.asyncIterator]: () => ({
          next() {
            if (begun) return iterator.next();
            begun = true;
            return first;
          },
          async return() {
            close();
            return { done: true, value: undefined };
          },
        }),
      };
    },
    of<D extends object>(definition: D, service: string): ClientOf<D> {
      const methods: Record<string, unknown> = Object.create(null);
      for (const endpoint of describe(definition as Describes).endpoints)
        methods[endpoint.method] = method(service, endpoint);
      return Object.freeze(methods) as ClientOf<D>;
    },
    async publish(topic, message, given) {
      const said = publishOptions(given);
      const contentType = said.contentType ?? usualContentType;
      const event = eventMessage(topic, message, contentType, codecOf(contentType), said);
      const broker = await connectedBroker(options.broker);
      await broker.publish(topic, event, { signal: said.signal });
    },
    async close() {
      await selector.close();
      await transport.close();
    },
  };
}

const ANY = Object.freeze({ name: '' });

function contentTypeOf(given: CallOptions | Context | undefined): string | undefined {
  return given === undefined || 'forward' in given ? undefined : given.contentType;
}

function isTime(value: unknown): boolean {
  return typeof value === 'number' && value >= 0 && value < Number.POSITIVE_INFINITY;
}

function badTime(name: string, value: unknown, remedy: string): MicroError {
  const shown = typeof value === 'string' ? JSON.stringify(value.slice(0, 40)) : String(value);
  return new MicroError({ id: 'go.micro.client', code: CODE.badRequest, detail: `${name} is ${shown}: ${remedy}` });
}

function asPromise(value: unknown): Promise<unknown> {
  return value instanceof Promise ? value : Promise.resolve(value);
}

function ownContext(ctx: Context): CallContext {
  if (ctx instanceof CallContext) return ctx;
  throw new MicroError({
    id: 'go.micro.client',
    code: CODE.internal,
    detail: 'client middleware must hand on the ctx that it was given, not a copy of it',
  });
}
