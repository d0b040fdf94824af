import { CODE, type Logger, type TlsOptions } from '@micro/core';
import { registryError, steadyLogger } from '@micro/core/plugin';
import type { Etcd3 } from 'etcd3';
import { type EtcdHosts, parseHosts } from './etcd-hosts.ts';

/** What an etcd registry may take. Every number: `undefined` is the default. */
export interface EtcdRegistryOptions {
  /**
   * The servers of one etcd: `host`, `host:port`, `[ipv6]:port` or a URL with `http` or `https`; several in an array or
   * separated by commas. The next one is asked when one does not answer. Default `127.0.0.1:2379`.
   */
  readonly hosts?: string | readonly string[] | undefined;
  /** The user to be, together with `password`. Default: nobody, for an etcd without authentication. */
  readonly username?: string | undefined;
  readonly password?: string | undefined;
  /** TLS towards the servers. Default: none, unless a host is an `https` URL; certificates are verified. */
  readonly tls?: TlsOptions | undefined;
  /**
   * A client of etcd3 to use, in the place of `hosts`, `username`, `password` and `tls`. It stays open when the registry is
   * closed, and keeps its own rules of retrying.
   */
  readonly client?: Etcd3 | undefined;
  /** The beginning of every key. Registries of one prefix see each other. Default `/micro/registry/`, as go-micro's. */
  readonly prefix?: string | undefined;
  /** How long a question to etcd may take, in milliseconds. Default 5,000; 0 is for ever. */
  readonly timeoutMs?: number | undefined;
  /**
   * How long what was registered without a ttl outlives its process, in milliseconds; while the process lives, the registry
   * renews it by itself. Default 90,000; 0 keeps it for ever.
   */
  readonly ttlMs?: number | undefined;
  /** How many events may wait for a watcher; one more fails its watch with a 429. Default 4,096; 0 is no limit. */
  readonly watchLimit?: number | undefined;
  /**
   * When etcd has lost its data, services register anew at once, and those of go-micro within 30 seconds. What is missing until
   * then is told as gone only after so many milliseconds. Default 35,000; 0 is at once.
   */
  readonly graceMs?: number | undefined;
  /** Told once when etcd is lost and once when it is back, and once of each record that makes no sense. Default: nobody. */
  readonly logger?: Logger | undefined;
}

/** The options when all of them have been checked. */
export interface EtcdSettings {
  readonly hosts: EtcdHosts;
  readonly user: { readonly name: string; readonly password: string } | undefined;
  /** `undefined`: plain text. */
  readonly tls: TlsOptions | undefined;
  readonly client: Etcd3 | undefined;
  readonly prefix: string;
  /** `Infinity` is no deadline. */
  readonly timeoutMs: number;
  readonly ttlMs: number;
  readonly watchLimit: number;
  readonly graceMs: number;
  readonly logger: Logger | undefined;
}

const DEFAULT_PREFIX = '/micro/registry/';
const DEFAULT_TIMEOUT_MS = 5_000;
const DEFAULT_TTL_MS = 90_000;
const DEFAULT_WATCH_LIMIT = 4_096;
const DEFAULT_GRACE_MS = 35_000;
/** Longer than a timer can wait makes no sense either. */
const LONGEST_GRACE_MS = 86_400_000;

/** Checks all options, so that what cannot work fails when the registry is made. Throws 400 naming what is wrong. */
export function checkOptions(options: EtcdRegistryOptions): EtcdSettings {
  const { username, password, client, prefix = DEFAULT_PREFIX } = options;
  if (client !== undefined) {
    const odd = (['hosts', 'username', 'password', 'tls'] as const).find((name) => options[name] !== undefined);
    if (odd !== undefined) throw bad(`an etcd client and ${odd} were given; give ${odd} to the client instead`);
  }
  if ((username === undefined) !== (password === undefined)) {
    const [given, missing] = username === undefined ? ['password', 'username'] : ['username', 'password'];
    throw bad(`a ${given} for etcd was given without a ${missing}; give both or neither`);
  }
  if (prefix.trim() === '') throw bad('the prefix of the etcd registry is empty; it would take in every key');
  const hosts = parseHosts(options.hosts);
  return {
    hosts,
    user: username === undefined || password === undefined ? undefined : { name: username, password },
    tls: options.tls ?? (hosts.secure ? {} : undefined),
    client,
    // A slash at the end, so that no prefix takes in the keys of another one.
    prefix: prefix.endsWith('/') ? prefix : `${prefix}/`,
    timeoutMs: limit('timeoutMs', options.timeoutMs, DEFAULT_TIMEOUT_MS),
    ttlMs: count('ttlMs', options.ttlMs ?? DEFAULT_TTL_MS),
    watchLimit: limit('watchLimit', options.watchLimit, DEFAULT_WATCH_LIMIT),
    graceMs: Math.min(count('graceMs', options.graceMs ?? DEFAULT_GRACE_MS), LONGEST_GRACE_MS),
    logger: steadyLogger(options.logger),
  };
}

/** A ttl as etcd counts it: whole seconds, rounded down, at least one. 0 stays 0. Throws 400 for what is no time. */
export function wholeSeconds(ttlMs: number): number {
  const checked = count('ttlMs', ttlMs);
  return checked === 0 ? 0 : Math.max(1, Math.floor(checked / 1_000));
}

/** 0 is no limit. */
function limit(name: string, given: number | undefined, usual: number): number {
  const value = count(name, given ?? usual);
  return value === 0 ? Number.POSITIVE_INFINITY : value;
}

function count(name: string, value: number): number {
  if (Number.isFinite(value) && value >= 0) return value;
  throw bad(`${name} of the etcd registry is ${value}; it has to be 0 or more`);
}

function bad(detail: string): Error {
  return registryError(CODE.badRequest, detail);
}
