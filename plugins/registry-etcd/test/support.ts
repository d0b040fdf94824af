import { type Logger, type LogLevel, type Node, type Registry, type ServiceRecord, silentLogger } from '@micro/core';
import { missingServer } from '@micro/test-servers';
import { Etcd3 } from 'etcd3';
import { afterEach } from 'vitest';
import { type EtcdRegistryOptions, etcdRegistry } from '../src/index.ts';

/** Why etcd cannot run here. */
export const missing = missingServer('etcd');
/** For the names of what is skipped. */
export const why = missing === undefined ? '' : ` (skipped: ${missing})`;

export function node(number: number, metadata: Readonly<Record<string, string>> = { protocol: 'mucp' }): Node {
  return { id: `greeter-${number}`, address: `127.0.0.1:${4_000 + number}`, metadata };
}

export function greeter(...nodes: readonly Node[]): ServiceRecord {
  return { name: 'greeter', version: '1.0.0', metadata: {}, endpoints: [], nodes };
}

/** The ids of all nodes of some records, sorted. */
export function ids(records: readonly ServiceRecord[]): readonly string[] {
  return records.flatMap(({ nodes }) => nodes.map(({ id }) => id)).sort();
}

/** One line that was logged. */
export interface Line {
  readonly level: LogLevel;
  readonly message: string;
}

/** A logger that keeps its lines. */
export function keepingLogger(): Logger & { readonly lines: readonly Line[] } {
  const lines: Line[] = [];
  const logger: Logger & { readonly lines: readonly Line[] } = {
    ...silentLogger(),
    lines,
    log: (level, message) => void lines.push({ level, message }),
    fields: () => logger,
  };
  return logger;
}

/** Makes registries and clients that are closed after each test. */
export function makers() {
  const made: { close(): unknown }[] = [];
  afterEach(async () => {
    await Promise.all(made.splice(0).map((each) => each.close()));
  });
  return {
    registry(options: EtcdRegistryOptions): Registry {
      const registry = etcdRegistry(options);
      made.push(registry);
      return registry;
    },
    /** etcd3's own client, to look at etcd with. */
    etcd3(hosts: string, auth?: { readonly username: string; readonly password: string }): Etcd3 {
      const client = new Etcd3({ hosts, ...(auth === undefined ? {} : { auth }) });
      made.push(client);
      return client;
    },
  };
}

/** The events of a watch as they come, one text for each: `create greeter-1`. */
export function follow(registry: Registry, service?: string) {
  const controller = new AbortController();
  const events: { readonly action: string; readonly service: ServiceRecord }[] = [];
  let failure: unknown;
  const over = (async () => {
    for await (const event of registry.watch({ service, signal: controller.signal })) events.push(event);
  })().catch((error: unknown) => {
    failure = error;
  });
  return {
    events,
    get texts(): readonly string[] {
      return events.map(({ action, service: record }) => `${action} ${record.nodes.map(({ id }) => id).join()}`);
    },
    get failure(): unknown {
      return failure;
    },
    async stop(): Promise<void> {
      controller.abort();
      await over;
    },
    over,
  };
}
