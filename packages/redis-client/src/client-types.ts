import type { EventEmitter } from 'node:events';

/** What an argument of a command may be. */
export type RedisArgument = string | Buffer | number;

/**
 * What runs commands. `call` answers with text, `callBuffer` with bytes. Only what is used of ioredis is asked for, so that
 * its versions 5 and 6 fit, and two installed copies of it too.
 */
export interface RedisCommands {
  call(command: string, ...args: RedisArgument[]): Promise<unknown>;
  callBuffer(command: string, ...args: RedisArgument[]): Promise<unknown>;
  pipeline(): RedisPipeline;
}

/** Commands that are sent together. */
export interface RedisPipeline {
  call(command: string, ...args: RedisArgument[]): unknown;
  callBuffer(command: string, ...args: RedisArgument[]): unknown;
  /** What came of each. */
  exec(): Promise<[error: Error | null, reply?: unknown][] | null>;
}

/** The socket of a connection, as far as it is used. */
export interface RedisStream {
  readonly remoteAddress?: string | undefined;
  readonly remotePort?: number | undefined;
  cork(): void;
  uncork(): void;
  destroy(): unknown;
}

/** One connection of ioredis: its class `Redis`, version 5 or 6. */
export interface RedisConnection extends RedisCommands, Pick<EventEmitter, 'on' | 'off'> {
  readonly status: string;
  /** There is none before the first attempt to connect. */
  readonly stream?: RedisStream | undefined;
  readonly options: object;
  connect(): Promise<unknown>;
  disconnect(): void;
}

/** A client for a cluster: ioredis' class `Cluster`, version 5 or 6. */
export interface RedisClusterConnection extends RedisCommands, Pick<EventEmitter, 'on' | 'off'> {
  readonly status: string;
  readonly options: object;
  /** The nodes of each slot as `host:port`, the master first. */
  readonly slots: readonly (readonly string[] | undefined)[];
  nodes(role?: 'all' | 'master' | 'slave'): readonly RedisConnection[];
  refreshSlotsCache(callback?: (error?: Error | null) => void): void;
  connect(): Promise<unknown>;
  disconnect(): void;
}

/** A ready client, made by the user with ioredis. */
export type RedisClient = RedisConnection | RedisClusterConnection;

/** Whether a client is one for a cluster. */
export function isCluster(client: RedisClient): client is RedisClusterConnection {
  return 'nodes' in client && typeof client.nodes === 'function';
}
