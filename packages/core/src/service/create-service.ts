import { randomUUID } from 'node:crypto';
import { createRpcClient } from '../client/rpc-client.ts';
import { bytesCodec } from '../codec/bytes-codec.ts';
import { codecTable } from '../codec/codec-table.ts';
import { grpcCodec, grpcJsonCodec } from '../codec/grpc-codec.ts';
import { jsonCodec } from '../codec/json-codec.ts';
import { protobufCodec } from '../codec/protobuf-codec.ts';
import type { Hook, Service, ServiceComponents } from '../contract/service.ts';
import { CODE } from '../error/code.ts';
import { MicroError } from '../error/micro-error.ts';
import { pinoLogger } from '../logger/pino-logger.ts';
import { steadyLogger } from '../logger/steady-logger.ts';
import { cachedRegistry } from '../registry/cached-registry.ts';
import { mdnsRegistry } from '../registry/mdns-registry.ts';
import { renewedRegistry } from '../registry/renewed-registry.ts';
import { LEGACY_JSON } from '../rpc/legacy-route.ts';
import { registrySelector } from '../selector/registry-selector.ts';
import { createRpcServer } from '../server/rpc-server.ts';
import { httpTransport } from '../transport/http-transport.ts';
import { tracedTransport } from '../transport/traced-transport.ts';
import { inTurn } from '../util/in-turn.ts';
import { within } from '../util/within.ts';
import { defaultBroker } from './default-broker.ts';
import { hold, release } from './ownership.ts';
import { serviceDebug } from './service-debug.ts';
import type { ServiceOptions } from './service-options.ts';
import { waitForTermination } from './termination.ts';

/**
 * Makes a service: a name, a client and a server over the components it is given, and core's defaults for the others. This
 * is the one place that names a default. Nothing listens and nothing is sent before `start`, `run` or the first call.
 */
export function createService(options: ServiceOptions): Service {
  const { name, version = 'latest', id = randomUUID(), profile, tracer, hooks = {} } = options;
  if (typeof name !== 'string' || name === '') {
    throw new MicroError({ code: CODE.badRequest, detail: `a service needs a name, not ${JSON.stringify(name)}` });
  }
  const debug = serviceDebug(options.debug ?? {}, steadyLogger(options.logger ?? pinoLogger()), tracer);
  const logger = debug.logger.fields({ service: name });
  // What is made here is made anew when the service is started again; what was given has to be able to go on by itself.
  const registry = options.registry ?? renewedRegistry('mdns', () => mdnsRegistry({ logger }));
  const carrier = options.transport ?? httpTransport();
  const transport = logger.enabled('trace') ? tracedTransport(carrier, logger) : carrier;
  const known = renewedRegistry(registry.name, () => cachedRegistry(registry, { logger }));
  const selector = options.selector ?? registrySelector({ registry: known });
  // One of its own: that nobody subscribes is asked again at each event, and not remembered.
  const subscribers = renewedRegistry(registry.name, () => cachedRegistry(registry, { logger, unknownTtlMs: 0 }));
  const broker = options.broker ?? defaultBroker(subscribers, logger, id, options.server);
  const codecs = codecTable([
    jsonCodec(),
    protobufCodec(),
    bytesCodec(),
    grpcCodec(),
    grpcJsonCodec(),
    { ...jsonCodec({ dialect: 'go' }), contentTypes: [LEGACY_JSON] },
    ...(options.codecs ?? []),
  ]).find;

  const client = createRpcClient({
    ...options.client,
    middleware: [...(tracer === undefined ? [] : [tracer.client]), ...(options.client?.middleware ?? [])],
    selector,
    transport,
    codecs,
    broker,
  });
  const server = createRpcServer({
    ...options.server,
    middleware: [...(tracer === undefined ? [] : [tracer.handler]), ...(options.server?.middleware ?? [])],
    name,
    version,
    id,
    metadata: options.metadata ?? {},
    address: options.server?.address ?? ':0',
    transport,
    registry,
    broker,
    codecs,
    logger,
    plain: debug.plain,
    afterDrain: () => runHooks(hooks.afterDrain),
  });

  // In the order in which they are closed: what uses another one goes first.
  const { store, cache, config, auth, runtime } = options;
  const extras = [runtime, tracer, auth, cache, config, store].filter((component) => component !== undefined);
  const closing = [...extras, selector, known, carrier, broker, subscribers, registry];
  const components: ServiceComponents = {
    registry,
    transport,
    selector,
    logger,
    broker,
    store,
    cache,
    config,
    auth,
    runtime,
    tracer,
    profile,
  };
  let held = true;
  let started = false;
  /** Somebody wants it stopped that is still starting. */
  let interrupted = false;
  let profiling = false;
  hold(closing);

  const halt = async (failures: unknown[]): Promise<void> => {
    const note = (error: unknown): void => {
      failures.push(error);
    };
    debug.end();
    await server.stop().catch(note);
    debug.stop();
    if (held) {
      held = false;
      await release(closing, note);
    }
    if (profiling) {
      profiling = false;
      await within(STOP_MS, 'stopping the profile', async () => profile?.stop()).catch(note);
    }
  };

  const start = async (): Promise<void> => {
    if (server.status !== 'stopped') return;
    if (!held) {
      held = true;
      hold(closing);
    }
    started = true;
    interrupted = false;
    try {
      if (profile !== undefined) {
        await profile.start();
        profiling = true;
      }
      await runHooks(hooks.beforeStart);
      debug.start(server);
      await server.start();
      if (interrupted) throw new MicroError({ code: CODE.cancelled, detail: `${name} was stopped while it started` });
      await runHooks(hooks.afterStart);
    } catch (error) {
      started = false;
      await halt([]);
      throw error;
    }
  };

  const stop = async (): Promise<void> => {
    const failures: unknown[] = [];
    // Hooks belong to what was started; stopping twice, or first, is not a second end.
    const { beforeStop, afterStop } = started ? hooks : {};
    started = false;
    await runHooks(beforeStop, failures);
    await halt(failures);
    await runHooks(afterStop, failures);
    if (failures.length === 1) throw failures[0];
    if (failures.length > 1) throw new AggregateError(failures, `stopping ${name} failed in ${failures.length} places`);
  };

  const turn = inTurn();
  const service: Service = {
    name,
    version,
    components,
    client,
    server,
    start: () => turn(start),
    stop() {
      if (server.status === 'starting') {
        interrupted = true;
        // At once, so that nobody waits for a registry that hangs; the turn after the start does the rest.
        server.stop().catch(() => {});
      }
      return turn(stop);
    },
    async run() {
      const termination = waitForTermination(options.handleSignals ?? true, options.signal, logger);
      let isAsked = false;
      const end = termination.asked.then((reason) => {
        isAsked = true;
        logger.log('info', `stopping ${name}`, { reason });
        return service.stop();
      });
      // What it throws is thrown below, once the start has ended.
      end.catch(() => {});
      try {
        await service.start().catch((error: unknown) => {
          if (!isAsked) throw error;
        });
        await end;
      } finally {
        termination.close();
      }
    },
    [Symbol.asyncDispose]: () => service.stop(),
  };
  return service;
}

/** No hook of a stop, and no profile, is waited for longer than this. */
const STOP_MS = 25_000;

/**
 * Runs hooks one after the other. With a list for failures every hook runs, within a budget; without one the first failure
 * is thrown.
 */
async function runHooks(hooks: readonly Hook[] | undefined, failures?: unknown[]): Promise<void> {
  for (const hook of hooks ?? []) {
    try {
      if (failures === undefined) await hook();
      else await within(STOP_MS, 'a hook', async () => hook());
    } catch (error) {
      if (failures === undefined) throw error;
      failures.push(error);
    }
  }
}
