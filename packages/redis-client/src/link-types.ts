import type { MicroError } from '@micro/core';
import type { RedisCommands, RedisConnection } from './client-types.ts';

/** Who uses a link. */
export interface LinkOwner {
  /** The id of its errors: `go.micro.store`. */
  readonly id: string;
  /** What errors call it: `the redis store`. */
  readonly name: string;
  /** What `patienceMs` is when nobody says. */
  readonly patienceMs: number;
}

/** One call. */
export interface RedisCall<T> {
  /** What it does, for errors: `reading`. */
  readonly verb: string;
  /** The key in Redis that it does it to. */
  readonly key?: string | undefined;
  /** How many more keys it does it to. Default 0. */
  readonly others?: number | undefined;
  /** What it keeps in memory while it waits, in bytes. */
  readonly bytes: number;
  /** Sends the commands, all of them at once. Is called again, for another connection, when the first one was lost. */
  run(client: RedisCommands): Promise<T>;
  /** Calls of one turn are sent one after the other, each when the one before it has ended. Default: at once. */
  readonly turn?: string | undefined;
  /** Never sent twice: what it asks means something on one connection only. Default false. */
  readonly once?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** One connection to Redis: to a server, to the master that sentinels know, or to a cluster. */
export interface RedisLink {
  readonly isCluster: boolean;
  readonly isClosed: boolean;
  /** The error of a call that was cancelled. */
  cancelled(call: Pick<RedisCall<unknown>, 'verb' | 'key' | 'others'>, reason: unknown): MicroError;
  /**
   * Runs a call. While the server is lost it waits for it, with the patience of the link; what was under way when it was
   * lost is sent again, before everything that came later. Throws 408 when the server does not answer in time, 503 when it
   * cannot be reached or the link is closed, 499 when the signal aborts, 429 when too much is waiting or the server is full,
   * 401 or 403 when the server does not want this client.
   */
  call<T>(call: RedisCall<T>): Promise<T>;
  /** The connections which together have all keys, once there is one. Throws 503 when a part of a cluster is missing. */
  masters(signal?: AbortSignal): Promise<readonly RedisConnection[]>;
  /** Waits a little for what is under way, then ends everything that the link has opened. */
  close(): Promise<void>;
}
