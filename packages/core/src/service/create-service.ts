import { randomUUID } from 'node:crypto';
import { createRpcClient } from '../client/rpc-client.ts';
import { bytesCodec } from '../codec/bytes-codec.ts';
import { codecTable } from '../codec/codec-table.ts';
import { grpcCodec, grpcJsonCodec } from '../codec/grpc-codec.ts';
import { jsonCodec } from '../codec/json-codec.ts';
import { protobufCodec } from '../codec/protobuf-codec.ts';
import type { Hook, Service } from '../contract/service.ts';
import { CODE } from '../error/code.ts';
import { MicroError } from '../error/micro-error.ts';
import { pinoLogger } from '../logger/pino-logger.ts';
import { cachedRegistry } from '../registry/cached-registry.ts';
import { mdnsRegistry } from '../registry/mdns-registry.ts';
import { registrySelector } from '../selector/registry-selector.ts';
import { createRpcServer } from '../server/rpc-server.ts';
import { httpTransport } from '../transport/http-transport.ts';
import { hold, release } from './ownership.ts';
import type { ServiceOptions } from './service-options.ts';
import { waitForTermination } from './termination.ts';

/**
 * Makes a service: a name, a client and a server over the components it is given, and core's defaults for the others. This
 * is the one place that names a default. Nothing listens and nothing is sent before `start`, `run` or the first call.
 */
export function createService(options: ServiceOptions): Service {
  const { name, version = 'latest', id = randomUUID(), broker, profile, hooks = {} } = options;
  if (typeof name !== 'string' || name === '') {
    throw new MicroError({ code: CODE.badRequest, detail: `a service needs a name, not ${JSON.stringify(name)}` });
  }
  const logger = (options.logger ?? pinoLogger()).fields({ service: name });
  const registry = options.registry ?? mdnsRegistry({ logger });
  const transport = options.transport ?? httpTransport();
  const known = cachedRegistry(registry, { logger });
  const selector = options.selector ?? registrySelector({ registry: known });
  const codecs = codecTable([
    jsonCodec(),
    protobufCodec(),
    bytesCodec(),
    grpcCodec(),
    grpcJsonCodec(),
    ...(options.codecs ?? []),
  ]).find;

  const client = createRpcClient({ ...options.client, selector, transport, codecs, broker });
  const server = createRpcServer({
    ...options.server,
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
    afterDrain: () => runHooks(hooks.afterDrain),
  });

  // In the order in which they are closed: what uses another one goes first.
  const components = [selector, known, transport, ...(broker === undefined ? [] : [broker]), registry];
  let held = true;
  let profiling = false;
  hold(components);

  const halt = async (failures: unknown[]): Promise<void> => {
    const note = (error: unknown): void => {
      failures.push(error);
    };
    await server.stop().catch(note);
    if (held) {
      held = false;
      await release(components, note);
    }
    if (profiling) {
      profiling = false;
      await profile?.stop().catch(note);
    }
  };

  const start = async (): Promise<void> => {
    if (server.status !== 'stopped') return;
    if (!held) {
      held = true;
      hold(components);
    }
    try {
      if (profile !== undefined) {
        await profile.start();
        profiling = true;
      }
      await runHooks(hooks.beforeStart);
      await server.start();
      await runHooks(hooks.afterStart);
    } catch (error) {
      await halt([]);
      throw error;
    }
  };

  const stop = async (): Promise<void> => {
    const failures: unknown[] = [];
    await runHooks(hooks.beforeStop, failures);
    await halt(failures);
    await runHooks(hooks.afterStop, failures);
    if (failures.length === 1) throw failures[0];
    if (failures.length > 1) throw new AggregateError(failures, `stopping ${name} failed in ${failures.length} places`);
  };

  let starting: Promise<void> | undefined;
  let stopping: Promise<void> | undefined;
  const service: Service = {
    name,
    version,
    client,
    server,
    async start() {
      await stopping?.catch(() => {});
      starting ??= start().finally(() => {
        starting = undefined;
      });
      await starting;
    },
    async stop() {
      await starting?.catch(() => {});
      stopping ??= stop().finally(() => {
        stopping = undefined;
      });
      await stopping;
    },
    async run() {
      const termination = waitForTermination(options.handleSignals ?? true, options.signal, logger);
      try {
        await service.start();
        const reason = await termination.asked;
        logger.log('info', `stopping ${name}`, { reason });
        await service.stop();
      } finally {
        termination.close();
      }
    },
    [Symbol.asyncDispose]: () => service.stop(),
  };
  return service;
}

/** Runs hooks one after the other. With a list for failures every hook runs; without one the first failure is thrown. */
async function runHooks(hooks: readonly Hook[] | undefined, failures?: unknown[]): Promise<void> {
  for (const hook of hooks ?? []) {
    try {
      await hook();
    } catch (error) {
      if (failures === undefined) throw error;
      failures.push(error);
    }
  }
}
