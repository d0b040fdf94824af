import {
  Channel,
  type ChannelCredentials,
  type ChannelInterface,
  type ChannelOptions,
  credentials,
} from '@grpc/grpc-js';
import { CODE, type Logger, MicroError, type TlsOptions } from '@micro/core';
import {
  type Certificates,
  createDeadlineTimer,
  dialTarget,
  formatAddress,
  loadCertificates,
  now,
  reasonOf,
  secureContexts,
} from '@micro/core/plugin';
import { type GrpcLimits, grpcMessageLimit } from './grpc-options.ts';

/** The connection to one address. gRPC's library makes it when it is first used, and again when it was lost. */
export interface Peer {
  readonly address: string;
  readonly channel: ChannelInterface;
  /** The node says that it is a listener of ours. */
  readonly ours: boolean;
  /** How many calls and streams are open on it. */
  open: number;
  idleSince: number;
}

/** The connections that a transport has dialled, one for each address. */
export interface Channels {
  /** The one of an address, new or known; counts a call on it. Throws 400 for what is no address. */
  take(address: string, ours: boolean): Peer;
  /**
   * A call on it is over. `failure` says that there was no connection, and why: the next call makes a new one, without
   * waiting.
   */
  give(peer: Peer, failure: MicroError | undefined): void;
  /** The peer has answered something. */
  heard(peer: Peer): void;
  close(): void;
}

/** How long a channel waits before it connects again by itself; calls do not wait for that, they get a new channel. */
const RECONNECT_MS = 100;
const MOST_RECONNECT_MS = 2_000;
/** Addresses that are remembered as lost: nodes come and go. */
const MOST_LOST = 1_000;
const NEVER_MS = 0x7fff_ffff;

/** Makes them. Certificates are read now: those that cannot be used are a 400 at the start. */
export function createChannels(limits: GrpcLimits, tls: TlsOptions | undefined, logger: Logger | undefined): Channels {
  const { certificates, makeCredentials } = tlsOf(tls);
  const peers = new Map<string, Peer>();
  const retired = new Set<Peer>();
  /** Addresses that cannot be reached, of which the log was told. */
  const lost = new Set<string>();

  /** New calls go elsewhere; what is open goes on. */
  const retire = (peer: Peer): void => {
    const key = keyOf(peer.address, peer.ours);
    if (peers.get(key) === peer) peers.delete(key);
    if (peer.open === 0) peer.channel.close();
    else retired.add(peer);
  };

  const connect = (address: string, ours: boolean): Peer => {
    const { host, port } = dialTarget(address);
    const keepaliveMs = ours ? limits.keepaliveMs : limits.foreignKeepaliveMs;
    const options: ChannelOptions = {
      // No sharing behind our back: a channel that is closed is gone with its connection.
      'grpc.use_local_subchannel_pool': 1,
      // Retries are the business of micro's client, which knows what may be repeated.
      'grpc.enable_retries': 0,
      'grpc.per_rpc_retry_buffer_size': 0,
      'grpc.service_config_disable_resolution': 1,
      'grpc.enable_http_proxy': 0,
      'grpc.initial_reconnect_backoff_ms': RECONNECT_MS,
      'grpc.max_reconnect_backoff_ms': MOST_RECONNECT_MS,
      'grpc.max_receive_message_length': grpcMessageLimit(limits),
      'grpc.max_send_message_length': grpcMessageLimit(limits),
      'grpc.client_idle_timeout_ms': Math.min(Math.max(limits.dialledIdleMs, 1_000), NEVER_MS),
      'grpc.primary_user_agent': 'micro',
      ...(keepaliveMs === Number.POSITIVE_INFINITY
        ? {}
        : {
            'grpc.keepalive_time_ms': keepaliveMs,
            'grpc.keepalive_timeout_ms': Math.min(limits.keepaliveTimeoutMs, NEVER_MS),
          }),
      ...(tls?.serverName === undefined ? {} : { 'grpc.ssl_target_name_override': tls.serverName }),
    };
    const channel = new Channel(`dns:///${formatAddress(host, port)}`, makeCredentials(), options);
    const peer: Peer = { address, channel, ours, open: 0, idleSince: now() };
    peers.set(keyOf(address, ours), peer);
    return peer;
  };

  /** Closes those on which nothing was open for too long: nodes come and go. */
  const timer = createDeadlineTimer((time) => {
    let next = Number.POSITIVE_INFINITY;
    for (const peer of [...peers.values()]) {
      if (peer.open > 0) continue;
      const until = peer.idleSince + limits.dialledIdleMs;
      if (until <= time) retire(peer);
      else next = Math.min(next, until);
    }
    return next;
  });

  return {
    take(address, ours) {
      if (certificates?.changed() === true) for (const peer of [...peers.values()]) retire(peer);
      const peer = peers.get(keyOf(address, ours)) ?? connect(address, ours);
      peer.open += 1;
      return peer;
    },
    give(peer, failure) {
      peer.open -= 1;
      peer.idleSince = now();
      if (failure !== undefined) {
        retire(peer);
        const { address } = peer;
        if (logger !== undefined && !lost.has(address) && lost.size < MOST_LOST) {
          lost.add(address);
          logger.log('warn', failure.detail, { address });
        }
      }
      if (peer.open > 0) return;
      if (retired.delete(peer)) peer.channel.close();
      else timer.watch(peer.idleSince + limits.dialledIdleMs);
    },
    heard({ address }) {
      if (lost.size > 0 && lost.delete(address)) logger?.log('info', `connected to ${address} again`, { address });
    },
    close() {
      timer.close();
      for (const peer of [...peers.values(), ...retired]) peer.channel.close();
      peers.clear();
      retired.clear();
    },
  };
}

function keyOf(address: string, ours: boolean): string {
  return ours ? `+${address}` : `-${address}`;
}

/** What connections are made with: with TLS the certificates as they are then. */
function tlsOf(tls: TlsOptions | undefined): {
  readonly certificates: Certificates | undefined;
  readonly makeCredentials: () => ChannelCredentials;
} {
  if (tls === undefined) return { certificates: undefined, makeCredentials: () => credentials.createInsecure() };
  const verify = { rejectUnauthorized: tls.insecure !== true };
  try {
    const certificates = loadCertificates(tls);
    const context = secureContexts(certificates);
    return { certificates, makeCredentials: () => credentials.createFromSecureContext(context(), verify) };
  } catch (cause) {
    const detail = `the TLS settings for gRPC cannot be used: ${reasonOf(cause)}`;
    throw new MicroError({ id: 'go.micro.transport.grpc', code: CODE.badRequest, detail, cause });
  }
}
