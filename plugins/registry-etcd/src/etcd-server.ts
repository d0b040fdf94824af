import {
  Channel,
  type ChannelCredentials,
  type ChannelOptions,
  type Client,
  connectivityState,
  credentials,
} from '@grpc/grpc-js';
import { CODE, type TlsOptions } from '@micro/core';
import { loadCertificates, reasonOf, registryError, secureContexts } from '@micro/core/plugin';
import type { Services } from 'etcd3';
import { Host } from 'etcd3/lib/connection-pool.js';

/** One of the servers of an etcd, and the connection to it that all services share. */
export interface EtcdServer {
  /** `host:port`. */
  readonly address: string;
  /** What calls the methods of one of etcd's gRPC services. */
  client(service: keyof typeof Services): Client;
  /** Whether there is a connection, over which the server has said how it speaks. */
  readonly connected: boolean;
  /** It has just answered. */
  heard(): void;
  /** What calls go over now, to be told apart from what they go over later. */
  readonly line: object | undefined;
  /** Cancels a stream of the present line when that is given up: nobody else would say that it is dead. */
  carry(stream: Stream): void;
  /** Does the next call over a new line, when this is still the present one and the server has not answered since then. */
  suspect(line: object | undefined, since: number): void;
  close(): void;
}

/** What is known of a stream here. */
export interface Stream {
  cancel(): void;
  once(event: 'status', listener: () => void): unknown;
}

/** gRPC's own limit of 4 MiB is too little for a page of large records. */
const MAX_MESSAGE_BYTES = 16 * 1024 * 1024;

/** Makes the credentials for one more connection, with the certificates as they are then. */
export type MakeCredentials = () => ChannelCredentials;

/**
 * Reads the certificates now; each new connection has them as they are then. Throws 400 for files that cannot be read, and
 * for what is no certificate or does not belong together.
 */
export function credentialsOf(tls: TlsOptions | undefined): MakeCredentials {
  if (tls === undefined) return () => credentials.createInsecure();
  const verify = { rejectUnauthorized: tls.insecure !== true };
  try {
    const context = secureContexts(loadCertificates(tls));
    return () => credentials.createFromSecureContext(context(), verify);
  } catch (cause) {
    throw registryError(CODE.badRequest, `the TLS settings for etcd cannot be used: ${reasonOf(cause)}`, cause);
  }
}

/** One server of an etcd. Nothing is opened before the first call. */
export function etcdServer(
  address: string,
  makeCredentials: MakeCredentials,
  serverName: string | undefined,
): EtcdServer {
  const options: ChannelOptions = {
    // A connection of its own: gRPC shares them between channels, together with the waits of those that failed before.
    'grpc.use_local_subchannel_pool': 1,
    'grpc.max_receive_message_length': MAX_MESSAGE_BYTES,
    // etcd is in one's own network, and gRPC would send what is for 127.0.0.1 to the proxy of the environment, too.
    'grpc.enable_http_proxy': 0,
    ...(serverName === undefined
      ? {}
      : { 'grpc.ssl_target_name_override': serverName, 'grpc.default_authority': serverName }),
  };
  let connection: { readonly channel: Channel; readonly host: Host; readonly streams: Set<Stream> } | undefined;
  let heardAt = Number.NEGATIVE_INFINITY;

  const open = (): Host => {
    if (connection === undefined) {
      const own = makeCredentials();
      const channel = new Channel(address, own, options);
      // etcd3 makes one client for each service, and gives them this one channel.
      connection = { channel, host: new Host(address, own, { channelOverride: channel }), streams: new Set() };
    }
    return connection.host;
  };

  const close = (): void => {
    const old = connection;
    connection = undefined;
    old?.channel.close();
    for (const stream of old?.streams ?? []) stream.cancel();
  };

  return {
    address,
    get connected() {
      return connection?.channel.getConnectivityState(false) === connectivityState.READY;
    },
    client: (service) => open().getServiceClient(service),
    heard() {
      heardAt = performance.now();
    },
    get line() {
      return connection;
    },
    carry(stream) {
      const streams = connection?.streams;
      streams?.add(stream);
      // A stream that is cancelled, or that only its reader has left, never says `close`.
      stream.once('status', () => streams?.delete(stream));
    },
    suspect(line, since) {
      // Many calls fail with one line, and the first of them has dialled anew.
      if (line === connection && heardAt < since) close();
    },
    close,
  };
}
