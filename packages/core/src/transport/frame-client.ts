import type { Socket as NetSocket } from 'node:net';
import type { DialOptions, Socket } from '../contract/transport.ts';
import { CODE } from '../error/code.ts';
import { MicroError } from '../error/micro-error.ts';
import { FrameConnection } from './frame-connection.ts';
import type { Limits } from './limits.ts';

/** What a client of frames is made with. */
export interface FrameClientOptions {
  readonly limits: Limits;
  /** How many connections are held to one peer; exchanges take turns on them. */
  readonly connectionsPerPeer: number;
  readonly connect: (
    address: string,
    timeoutMs: number | undefined,
    settled: (error?: MicroError) => void,
  ) => NetSocket;
}

/** Opens exchanges on connections that it shares among them, one or a few per peer. */
export interface FrameClient {
  dial(address: string, options: DialOptions): Socket;
  tick(time: number): void;
  /** How many connections stand. */
  readonly size: number;
  close(): void;
}

/** Makes the dialling side of frames. */
export function createFrameClient(options: FrameClientOptions): FrameClient {
  const peers = new Map<string, { connections: FrameConnection[]; turn: number }>();

  const open = (address: string, connections: FrameConnection[], timeoutMs: number | undefined): FrameConnection => {
    const forget = (): void => {
      const at = connections.indexOf(connection);
      if (at >= 0) connections.splice(at, 1);
      if (connections.length === 0 && peers.get(address)?.connections === connections) peers.delete(address);
    };
    const socket = options.connect(address, timeoutMs, (error) => {
      if (error !== undefined) connection.end(error);
    });
    const connection = new FrameConnection(socket, { limits: options.limits, peer: address, closed: forget });
    connections.push(connection);
    return connection;
  };

  return {
    dial(address, { stream = false, deadline = Number.POSITIVE_INFINITY, connectTimeoutMs }) {
      const peer = peers.get(address) ?? { connections: [], turn: 0 };
      const { connections } = peer;
      let connection = connections[options.connectionsPerPeer === 1 ? 0 : peer.turn++ % options.connectionsPerPeer];
      if (connection?.usable !== true) {
        connection = connections.find((candidate) => candidate.usable);
        if (connection === undefined || connections.length < options.connectionsPerPeer) {
          connection = open(address, connections, connectTimeoutMs);
          peers.set(address, peer);
        }
      }
      return connection.dial(stream, deadline);
    },
    tick(time) {
      for (const { connections } of [...peers.values()]) {
        for (const connection of [...connections]) connection.tick(time);
      }
    },
    get size() {
      let size = 0;
      for (const { connections } of peers.values()) size += connections.length;
      return size;
    },
    close() {
      const reason = new MicroError({
        id: 'go.micro.client',
        code: CODE.cancelled,
        detail: 'the transport was closed with the exchange still open',
      });
      for (const { connections } of [...peers.values()]) {
        for (const connection of [...connections]) connection.end(reason);
      }
    },
  };
}
