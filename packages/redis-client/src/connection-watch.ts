import type { Code, Logger } from '@micro/core';
import { isCluster, type RedisClient, type RedisConnection } from './client-types.ts';
import { refusalOf, textOf } from './redis-error.ts';

/** What a watch tells of. */
export interface ConnectionEvents {
  /** Commands can be sent from now on. */
  ready(): void;
  /** The connection was lost, or could not be made. Told once, however many attempts fail after that. */
  lost(): void;
  /** The server wants no such client: what waits for it waits in vain. */
  refused(refusal: Refusal): void;
  /** The client has given up, and will not connect again by itself. */
  ended(): void;
}

/** Why a server does not want a client. */
export interface Refusal {
  readonly code: Code;
  readonly reason: string;
}

/** What a watch takes. */
export interface WatchOptions extends ConnectionEvents {
  /** What the server is called, as far as it is known before there is a connection. */
  readonly name: string;
  readonly logger: Logger | undefined;
}

/** Knows how a connection is. */
export interface ConnectionWatch {
  /** What an error calls the server: the one that is connected to, where several can be. */
  where(): string;
  /** What is wrong: why there is no connection, or what is wrong with this node of a cluster. `undefined`: nothing known. */
  trouble(node?: string): string | undefined;
  refusal(): Refusal | undefined;
  close(): void;
}

/** The reason where there is no better one: a server that is killed says nothing. */
const ENDED = 'the connection was closed';

/**
 * Watches a client. One line is logged when a server is lost and one when it is back, for each node of a cluster too;
 * attempts in between are not worth a line.
 */
export function watchConnection(client: RedisClient, options: WatchOptions): ConnectionWatch {
  const { name, logger } = options;
  let isLost = false;
  let lostAt = 0;
  let reason: string | undefined;
  let refusal: Refusal | undefined;
  let where = name;

  const lose = (): void => {
    if (isLost) return;
    isLost = true;
    lostAt = performance.now();
    logger?.log('warn', `${where} is lost: ${reason ?? ENDED}`, { server: where });
    options.lost();
  };

  const listeners = {
    connect: (): void => {
      refusal = undefined;
    },
    ready: (): void => {
      const now = isCluster(client) ? name : nameAt(name, client);
      if (isLost) {
        const ms = Math.round(performance.now() - lostAt);
        logger?.log('info', `${now} is back after ${ms} ms`, { server: now, ms });
      }
      where = now;
      isLost = false;
      reason = undefined;
      if (refusal === undefined) options.ready();
      else options.refused(refusal);
    },
    error: (cause: unknown): void => {
      reason = textOf(cause instanceof Error && 'lastNodeError' in cause ? (cause.lastNodeError ?? cause) : cause);
      const said = refusalOf(cause);
      if (said !== undefined) {
        refusal = said;
        options.refused(said);
      }
      // An error of the connection comes before its end; others, such as a refused SELECT, are no loss.
      if (client.status !== 'ready') lose();
    },
    close: lose,
    end: (): void => {
      lose();
      options.ended();
    },
  };
  for (const [event, listener] of Object.entries(listeners)) client.on(event, listener);
  const nodes = isCluster(client) ? watchNodes(client, name, logger) : undefined;

  return {
    where: () => where,
    trouble: (node) =>
      isLost || client.status === 'end' ? (reason ?? ENDED) : node === undefined ? undefined : nodes?.trouble(node),
    refusal: () => refusal,
    close() {
      for (const [event, listener] of Object.entries(listeners)) client.off(event, listener);
      nodes?.close();
    },
  };
}

/** Where sentinels have chosen the server, the one that they chose. */
function nameAt(name: string, { stream, options }: RedisConnection): string {
  const { remoteAddress, remotePort } = stream ?? {};
  if (!('sentinels' in options) || !Array.isArray(options.sentinels) || remoteAddress === undefined) return name;
  const master = 'name' in options ? JSON.stringify(options.name) : '';
  return `the redis master ${master} at ${remoteAddress}:${remotePort}`;
}

/** How the nodes of a cluster are. */
function watchNodes(
  cluster: Extract<RedisClient, { slots: unknown }>,
  name: string,
  logger: Logger | undefined,
): { trouble(node: string): string | undefined; close(): void } {
  const lost = new Map<string, { readonly at: number; reason: string }>();
  const detach = new Set<() => void>();

  const lose = (node: string, reason: string): void => {
    const known = lost.get(node);
    if (known !== undefined) {
      known.reason = reason;
      return;
    }
    lost.set(node, { at: performance.now(), reason });
    logger?.log('warn', `${name} has lost its node ${node}: ${reason}`, { server: node });
  };

  const watch = (connection: RedisConnection): void => {
    const node = nodeName(connection);
    const listeners = {
      ready: (): void => {
        const since = lost.get(node);
        if (since === undefined) return;
        lost.delete(node);
        const ms = Math.round(performance.now() - since.at);
        logger?.log('info', `${name} has its node ${node} back after ${ms} ms`, { server: node, ms });
      },
      close: (): void => {
        // One that left the cluster was taken out before its connection was closed.
        if (cluster.nodes('all').includes(connection)) lose(node, lost.get(node)?.reason ?? ENDED);
      },
    };
    for (const [event, listener] of Object.entries(listeners)) connection.on(event, listener);
    const off = (): void => {
      for (const [event, listener] of Object.entries(listeners)) connection.off(event, listener);
      connection.off('end', off);
      detach.delete(off);
    };
    detach.add(off);
    connection.on('end', off);
  };

  const forget = (): void => {
    const there = new Set(cluster.nodes('all').map(nodeName));
    for (const node of lost.keys()) {
      if (there.has(node)) continue;
      lost.delete(node);
      logger?.log('info', `${name} goes on without its node ${node}`, { server: node });
    }
  };
  const failed = (cause: unknown, node: unknown): void => {
    if (typeof node === 'string') lose(node, textOf(cause));
  };

  for (const connection of cluster.nodes('all')) watch(connection);
  cluster.on('+node', watch);
  cluster.on('node error', failed);
  // Told after the table of slots was read: a node that holds none any more was replaced.
  cluster.on('refresh', forget);

  return {
    trouble: (node) => lost.get(node)?.reason,
    close() {
      cluster.off('+node', watch);
      cluster.off('node error', failed);
      cluster.off('refresh', forget);
      for (const off of [...detach]) off();
    },
  };
}

/** `host:port`, as the table of slots calls a node. */
export function nodeName({ options }: RedisConnection): string {
  const { host, port } = options as { readonly host?: unknown; readonly port?: unknown };
  return `${String(host)}:${String(port)}`;
}
