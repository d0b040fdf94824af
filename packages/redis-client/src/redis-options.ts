import { CODE, type Logger, type TlsOptions } from '@micro/core';
import type { RedisClient } from './client-types.ts';
import { parseAddresses, type RedisAddress } from './redis-address.ts';
import type { ErrorOf } from './redis-error.ts';

/** How a plugin reaches Redis, and how long it waits for it. Every number: `undefined` is the default, 0 is off. */
export interface RedisOptions {
  /**
   * A ready client of ioredis, version 5 or 6, `Redis` or `Cluster`, instead of the settings up to `tls`. It is the
   * caller's to close. A client with a `keyPrefix` or with `enableAutoPipelining` is refused.
   */
  readonly client?: RedisClient | undefined;
  /**
   * Where Redis is: `redis://[user:password@]host[:port][/database]`, `rediss://` for TLS, `unix:///path/to/socket`, or
   * `host:port`. Several, in an array or with commas between them, are the nodes of a cluster to begin with. Sentinels are
   * written `redis+sentinel://[user:password@]host[:port]/master[/database]`, all of them with the same master.
   * Default `redis://127.0.0.1:6379`.
   */
  readonly url?: string | readonly string[] | undefined;
  /** A single address is a node of a cluster too. Default false. */
  readonly cluster?: boolean | undefined;
  /** Who this client is; wins over what stands in the addresses. */
  readonly username?: string | undefined;
  /** Its password; wins over what stands in the addresses. */
  readonly password?: string | undefined;
  /** What the sentinels themselves want to be told, where that is not nothing. */
  readonly sentinelUsername?: string | undefined;
  readonly sentinelPassword?: string | undefined;
  /** TLS, also without a `rediss:` address: certificates are verified, and files read again when they change. */
  readonly tls?: TlsOptions | undefined;
  /** How long one request to a server may take, in milliseconds; after that it is a 408. Default 5,000; 0 is no limit. */
  readonly timeoutMs?: number | undefined;
  /** How long one attempt to connect may take, in milliseconds. Default 3,000; 0 is as long as the system tries. */
  readonly connectTimeoutMs?: number | undefined;
  /**
   * How long calls are patient with a server that is lost, in milliseconds since it was. A shorter outage is bridged: calls
   * wait for its end. In a longer one they fail at once with a 503, until the server is back. 0 is not at all.
   */
  readonly patienceMs?: number | undefined;
  /** What may wait for answers at a time, keys and values in bytes; a call on top is a 429. Default 64 MiB; 0 is no limit. */
  readonly maxPendingBytes?: number | undefined;
  /** Told of each time that a server is lost, and that it is back, in one line. Default: nobody. */
  readonly logger?: Logger | undefined;
}

/** Everything that is to be known about a connection, checked. */
export interface RedisSettings {
  readonly target: RedisTarget;
  readonly username: string | undefined;
  readonly password: string | undefined;
  readonly sentinelUsername: string | undefined;
  readonly sentinelPassword: string | undefined;
  readonly tls: TlsOptions | undefined;
  readonly timeoutMs: number;
  readonly connectTimeoutMs: number;
}

/** What is connected to. */
export type RedisTarget =
  | { readonly kind: 'server'; readonly at: RedisAddress; readonly database: number }
  | { readonly kind: 'cluster'; readonly nodes: readonly RedisAddress[] }
  | {
      readonly kind: 'sentinel';
      readonly sentinels: readonly RedisAddress[];
      readonly master: string;
      readonly database: number;
    };

const DEFAULT_URL = 'redis://127.0.0.1:6379';
const DEFAULT_TIMEOUT_MS = 5_000;
const DEFAULT_CONNECT_TIMEOUT_MS = 3_000;
/** A day less than timers can wait, so that there is room for what is added. A longer timer would fire at once. */
const LONGEST_MS = 2 ** 31 - 1 - 86_400_000;
/** What may not stand beside a ready client. */
const SETTINGS = ['url', 'cluster', 'username', 'password', 'sentinelUsername', 'sentinelPassword', 'tls'] as const;

/** How long a request may take. */
export function timeoutOf(options: RedisOptions, errorOf: ErrorOf): number {
  return durationOf('timeoutMs', options.timeoutMs, DEFAULT_TIMEOUT_MS, errorOf);
}

/** A duration in milliseconds, 0 for off. What is longer than a timer can be, which is 24 days, is cut to that. */
export function durationOf(name: string, given: number | undefined, usual: number, errorOf: ErrorOf): number {
  return Math.min(numberOf(name, given, usual, errorOf), LONGEST_MS);
}

/** A numeric option, which is a number from 0 on. */
export function numberOf(name: string, given: number | undefined, usual: number, errorOf: ErrorOf): number {
  const number = given ?? usual;
  if (Number.isFinite(number) && number >= 0) return number;
  throw errorOf(CODE.badRequest, `${name} is ${number}; it has to be a number from 0 on`);
}

/** Throws a 400 when a ready client comes with settings for another one, or is none, or changes keys behind our back. */
export function checkClient(client: RedisClient, options: RedisOptions, errorOf: ErrorOf): void {
  const setting = SETTINGS.find((name) => options[name] !== undefined);
  if (setting !== undefined) {
    throw errorOf(CODE.badRequest, `${setting} means nothing beside a ready client; give one of the two`);
  }
  const isClient =
    typeof client === 'object' &&
    client !== null &&
    [client.call, client.callBuffer, client.on, client.off, client.connect].every((one) => typeof one === 'function') &&
    typeof client.status === 'string';
  if (!isClient) throw errorOf(CODE.badRequest, 'client is no client of ioredis; give it a Redis or a Cluster');
  if ('keyPrefix' in client.options && client.options.keyPrefix) {
    const detail = `the client has the keyPrefix ${JSON.stringify(client.options.keyPrefix)}, which SCAN does not know; make one without it`;
    throw errorOf(CODE.badRequest, detail);
  }
  if ('enableAutoPipelining' in client.options && client.options.enableAutoPipelining) {
    // ioredis then takes the first argument of `call` for the command: the key "flushall" would be one.
    const detail =
      'the client has enableAutoPipelining, with which ioredis sends keys as commands; make one without it, as calls of one tick go out together anyway';
    throw errorOf(CODE.badRequest, detail);
  }
}

/** Everything about a connection that is to be opened, checked. Throws a 400 for what makes no sense together. */
export function settingsOf(options: RedisOptions, errorOf: ErrorOf): RedisSettings {
  const { sentinelUsername, sentinelPassword, tls } = options;
  const addresses = parseAddresses(options.url ?? DEFAULT_URL, errorOf);
  const [first] = addresses;
  if (first === undefined) throw errorOf(CODE.badRequest, 'url names no address of redis');
  const odd = addresses.find(
    (one) =>
      one.scheme !== first.scheme ||
      one.username !== first.username ||
      one.password !== first.password ||
      one.database !== first.database ||
      one.master !== first.master,
  );
  if (odd !== undefined) {
    const detail = `the addresses of redis are not alike in everything but the host and the port: compare those of ${first.host} and ${odd.host}`;
    throw errorOf(CODE.badRequest, detail);
  }
  const target = targetOf(addresses, first, options, errorOf);
  if (target.kind !== 'sentinel' && (sentinelUsername ?? sentinelPassword) !== undefined) {
    throw errorOf(CODE.badRequest, 'sentinelUsername and sentinelPassword mean nothing without a redis+sentinel: url');
  }
  if (first.scheme === 'unix' && tls !== undefined) {
    throw errorOf(CODE.badRequest, 'tls means nothing to a unix: socket; leave it out');
  }
  return {
    target,
    username: options.username ?? first.username,
    password: options.password ?? first.password,
    sentinelUsername,
    sentinelPassword,
    tls: tls ?? (first.scheme.startsWith('rediss') ? {} : undefined),
    timeoutMs: timeoutOf(options, errorOf),
    connectTimeoutMs: durationOf('connectTimeoutMs', options.connectTimeoutMs, DEFAULT_CONNECT_TIMEOUT_MS, errorOf),
  };
}

function targetOf(
  addresses: readonly RedisAddress[],
  first: RedisAddress,
  { cluster = addresses.length > 1 }: RedisOptions,
  errorOf: ErrorOf,
): RedisTarget {
  const { master, database = 0 } = first;
  if (master !== undefined) {
    if (cluster && addresses.length === 1) throw errorOf(CODE.badRequest, 'sentinels watch over no cluster');
    return { kind: 'sentinel', sentinels: addresses, master, database };
  }
  if (!cluster) {
    if (addresses.length === 1) return { kind: 'server', at: first, database };
    throw errorOf(CODE.badRequest, `cluster is false, and url names ${addresses.length} addresses; give it one`);
  }
  if (first.path !== undefined) throw errorOf(CODE.badRequest, 'the nodes of a cluster have no sockets; give hosts');
  if (database !== 0) throw errorOf(CODE.badRequest, `a cluster has no database ${database}, only 0`);
  return { kind: 'cluster', nodes: addresses };
}
