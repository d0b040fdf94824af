import type { TlsOptions } from '@micro/core';
import { fullJitterMs, loadCertificates } from '@micro/core/plugin';
import { Cluster, Redis, type RedisOptions as SocketOptions } from 'ioredis';
import type { RedisClient } from './client-types.ts';
import type { RedisSettings } from './redis-options.ts';

const FIRST_PAUSE_MS = 50;
const LONGEST_PAUSE_MS = 1_000;
/** What a server that loads its data is asked again after. */
const LOADING_MS = 250;
/** How long a connection that is ended politely may take to end. */
const GOODBYE_MS = 200;
/** A call that is late is told so, and its connection is given up right after that. */
const AFTER_TIMEOUT_MS = 250;
const RECONNECT_EVERY_MS = 2_000;
/** A connection on which nothing comes back for so long is dead, where calls themselves may take for ever. */
const SILENT_MS = 10_000;

/** A client with these settings, which connects when it is told to, and tries again for as long as it is not closed. */
export function openClient(settings: RedisSettings): RedisClient {
  const { target, username, password, sentinelUsername, sentinelPassword, timeoutMs, connectTimeoutMs } = settings;
  const tls = settings.tls === undefined ? undefined : tlsOf(settings.tls);
  const common = {
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    ...(tls === undefined ? {} : { tls }),
    connectTimeout: connectTimeoutMs,
    disconnectTimeout: GOODBYE_MS,
    maxLoadingRetryTime: LOADING_MS,
    // Nothing came back for longer than a call may take: the peer hangs, or the network lost it without a word.
    socketTimeout: timeoutMs === 0 ? SILENT_MS : timeoutMs + AFTER_TIMEOUT_MS,
    lazyConnect: true,
  };
  if (target.kind === 'cluster') {
    return new Cluster(
      target.nodes.map(({ host, port }) => ({ host, port })),
      {
        redisOptions: common,
        clusterRetryStrategy: pauseMs,
        // A cluster without some of its masters serves the keys of the others.
        enableReadyCheck: false,
        lazyConnect: true,
      },
    );
  }
  const single = {
    ...common,
    db: target.database,
    retryStrategy: pauseMs,
    // Whoever waits for a lost server waits in the link, where calls have deadlines and keep their order; what was under
    // way when the connection was lost is given back to it at once.
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    reconnectOnError: onceInAWhile((error) => error.message.startsWith('READONLY')),
  };
  if (target.kind === 'server') {
    const { host, port, path } = target.at;
    return new Redis({ ...single, ...(path === undefined ? { host, port } : { path }) });
  }
  return new Redis({
    ...single,
    sentinels: target.sentinels.map(({ host, port }) => ({ host, port })),
    name: target.master,
    sentinelRetryStrategy: pauseMs,
    // A sentinel that hangs is not the end of the way: the next one is asked.
    sentinelCommandTimeout: connectTimeoutMs === 0 ? SILENT_MS : connectTimeoutMs,
    ...(sentinelUsername === undefined ? {} : { sentinelUsername }),
    ...(sentinelPassword === undefined ? {} : { sentinelPassword }),
    ...(tls === undefined ? {} : { sentinelTLS: tls, enableTLSForSentinelMode: true }),
  });
}

/**
 * After a failover a connection may still lead to the server that was the master, so a new one is made. Where that leads to
 * a replica again, doing so for each write would help nobody.
 */
function onceInAWhile(isWrongServer: (error: Error) => boolean): (error: Error) => boolean {
  let last = Number.NEGATIVE_INFINITY;
  return (error) => {
    if (!isWrongServer(error) || performance.now() - last < RECONNECT_EVERY_MS) return false;
    last = performance.now();
    return true;
  };
}

/** The pause before an attempt to connect, counted from 1. It is never nothing: a refusal takes no time at all. */
function pauseMs(attempt: number): number {
  return 10 + fullJitterMs(FIRST_PAUSE_MS, LONGEST_PAUSE_MS, attempt - 1);
}

/** ioredis copies these for each connection, which is when the getters look whether the files have changed. */
function tlsOf(tls: TlsOptions): NonNullable<SocketOptions['tls']> {
  const certificates = loadCertificates(tls);
  const current = (): NonNullable<SocketOptions['tls']> => certificates.current();
  return {
    get cert() {
      return current().cert;
    },
    get key() {
      return current().key;
    },
    get ca() {
      return current().ca;
    },
    get minVersion() {
      return current().minVersion;
    },
    rejectUnauthorized: tls.insecure !== true,
    ...(tls.serverName === undefined ? {} : { servername: tls.serverName }),
  };
}
