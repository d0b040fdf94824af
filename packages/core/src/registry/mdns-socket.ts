import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { networkInterfaces } from 'node:os';
import { CODE } from '../error/code.ts';
import { now } from '../util/clock.ts';
import { reasonOf } from '../util/reason.ts';
import { isResponse } from './mdns-packet.ts';
import { registryError } from './registry-error.ts';

const GROUP = '224.0.0.251';
const EVERYWHERE = '0.0.0.0';
/** mDNS packets must not be trusted if a router could have passed them on; this is what they are sent with. */
const HOPS = 255;
/** Room for the answers of some thousand nodes, which all come at once. As much of it as the system allows. */
const RECEIVE_BUFFER = 4 * 1024 * 1024;
/** The network may have changed since. */
const RESCAN_MS = 10_000;
/** A datagram is handed to the kernel at once or not at all, in every case but a broken one. */
const SEND_TIMEOUT_MS = 1_000;
/** What was sent to the group comes back within microseconds. */
const ECHO_TIMEOUT_MS = 1_000;

/** What the sockets of an mDNS registry take. */
export interface MdnsSocketsOptions {
  readonly port: number;
  /** The addresses of the interfaces to use. Absent: every IPv4 interface there is, loopback too, also those that come later. */
  readonly interfaces: readonly string[] | undefined;
  onQuery(packet: Buffer, from: RemoteInfo): void;
  onResponse(packet: Buffer): void;
  /** Called at most once: what was sent to the group did not come back, so others will not have heard it either. */
  onDeaf(): void;
}

/** Where packets come from and go to. None of it keeps the process alive. */
export interface MdnsSockets {
  /** Sends a packet to everybody, on each interface. Throws 503 when it could be sent on none. */
  multicast(packet: Buffer): Promise<void>;
  /** Sends a packet to one peer. That it is lost is the peer's to notice. */
  reply(packet: Buffer, to: RemoteInfo): void;
  close(): Promise<void>;
}

/** Why multicast is of no use here, and what is. */
export function noMulticast(why: string, cause?: unknown): Error {
  const detail =
    `mdns cannot work here: ${why}; use memoryRegistry() within one process, @micro/registry-etcd between machines, ` +
    'or call services by address';
  return registryError(CODE.unavailable, detail, cause);
}

/**
 * Opens the sockets: one that hears the group (bound to the wildcard address: datagrams to a group do not reach a socket
 * that is bound to an interface's own), and per interface one with a port of its own, from which questions are asked and
 * to which the answers come. Throws 503 when no interface can do multicast.
 */
export async function openMdnsSockets(options: MdnsSocketsOptions): Promise<MdnsSockets> {
  const { port, onQuery, onResponse } = options;
  const senders = new Map<string, Socket>();
  let scannedAt = 0;
  let closed = false;
  let heardMyself = false;
  let echoTimer: NodeJS.Timeout | undefined;

  const listener = await bound(port);
  listener.on('message', (packet, from) => {
    if (!heardMyself && [...senders.values()].some((sender) => sender.address().port === from.port)) heardMyself = true;
    if (isResponse(packet)) onResponse(packet);
    else onQuery(packet, from);
  });

  const join = async (address: string): Promise<void> => {
    const sender = await bound(0);
    try {
      if (closed) throw noMulticast('the registry was closed');
      listener.addMembership(GROUP, address);
      sender.setMulticastInterface(address);
      sender.setMulticastTTL(HOPS);
      sender.setMulticastLoopback(true);
      sender.on('message', (packet) => {
        if (isResponse(packet)) onResponse(packet);
      });
      senders.set(address, sender);
    } catch (error) {
      sender.close();
      throw error;
    }
  };

  /** Joins on the interfaces that are new and lets go of those that are gone. */
  const scan = async (): Promise<void> => {
    scannedAt = now();
    const present = options.interfaces ?? addresses();
    for (const [address, sender] of senders) {
      if (present.includes(address)) continue;
      senders.delete(address);
      sender.close();
      attempt(() => listener.dropMembership(GROUP, address));
    }
    const missing = present.filter((address) => !senders.has(address));
    const joined = await Promise.allSettled(missing.map(join));
    if (senders.size > 0) return;
    const failed = joined.find((result) => result.status === 'rejected');
    const where =
      present.length === 0 ? 'there is no ipv4 interface' : `no group can be joined on ${present.join(', ')}`;
    throw noMulticast(failed === undefined ? where : `${where} (${reasonOf(failed.reason)})`, failed?.reason);
  };

  const close = async (): Promise<void> => {
    if (closed) return;
    closed = true;
    clearTimeout(echoTimer);
    const sockets = [listener, ...senders.values()];
    senders.clear();
    await Promise.all(sockets.map((socket) => new Promise<void>((resolve) => socket.close(() => resolve()))));
  };

  const listenForMyself = (): void => {
    if (heardMyself || echoTimer !== undefined) return;
    echoTimer = setTimeout(() => {
      if (!heardMyself && !closed) options.onDeaf();
    }, ECHO_TIMEOUT_MS);
    echoTimer.unref();
  };

  try {
    await scan();
  } catch (error) {
    await close();
    throw error;
  }

  return {
    async multicast(packet) {
      if (closed) return;
      if (options.interfaces === undefined && now() - scannedAt > RESCAN_MS) await scan();
      const sent = await Promise.allSettled([...senders.values()].map((sender) => send(sender, packet, port, GROUP)));
      const failures = sent.filter((result) => result.status === 'rejected');
      if (failures.length > 0 && failures.length === sent.length) {
        const cause: unknown = failures[0]?.reason;
        throw noMulticast(`nothing could be sent to ${GROUP} (${reasonOf(cause)})`, cause);
      }
      listenForMyself();
    },
    reply(packet, to) {
      if (!closed) listener.send(packet, to.port, to.address, () => {});
    },
    close,
  };
}

/** A socket on a port; several processes may have the same one. */
async function bound(port: number): Promise<Socket> {
  const socket = createSocket({ type: 'udp4', reuseAddr: port !== 0 });
  try {
    await new Promise<void>((resolve, reject) => {
      socket.once('error', reject);
      // Exclusive, or the workers of a cluster would take each other's packets.
      socket.bind({ port, address: EVERYWHERE, exclusive: true }, resolve);
    });
  } catch (error) {
    attempt(() => socket.close());
    throw noMulticast(`udp port ${port} cannot be opened (${reasonOf(error)})`, error);
  }
  socket.removeAllListeners('error');
  // Such as an unreachable peer of an earlier reply: the socket goes on.
  socket.on('error', () => {});
  attempt(() => socket.setRecvBufferSize(RECEIVE_BUFFER));
  socket.unref();
  return socket;
}

function send(socket: Socket, packet: Buffer, port: number, address: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`not sent within ${SEND_TIMEOUT_MS} ms`)), SEND_TIMEOUT_MS);
    try {
      socket.send(packet, port, address, (error) => {
        clearTimeout(timer);
        if (error === null || error === undefined) resolve();
        else reject(error);
      });
    } catch (error) {
      clearTimeout(timer);
      reject(error);
    }
  });
}

function addresses(): readonly string[] {
  const all = Object.values(networkInterfaces()).flatMap((list) => list ?? []);
  return [...new Set(all.filter(({ family }) => family === 'IPv4').map(({ address }) => address))];
}

/** For what may fail without consequence. */
function attempt(action: () => void): void {
  try {
    action();
  } catch {
    // As said.
  }
}
