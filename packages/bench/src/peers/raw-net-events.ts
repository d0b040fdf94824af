import { connect, createServer, type Socket } from 'node:net';
import type { EventPeer } from '../peer.ts';
import { frameReader } from './frame-reader.ts';
import { gatheredWriter } from './gathered-writer.ts';

const EVENT = 5;

/**
 * The practical limit for events: frames one way on one socket, writes gathered per turn of the event loop, JSON at both
 * ends, and nothing else. It promises nothing: what is on the socket when it breaks is lost.
 */
export const rawNetEvents: EventPeer = {
  async subscribe(onEvent) {
    const sockets = new Set<Socket>();
    const server = createServer({ noDelay: true }, (socket) => {
      sockets.add(socket);
      socket.on('close', () => sockets.delete(socket));
      socket.on('error', () => socket.destroy());
      socket.on(
        'data',
        frameReader((_, __, text) => onEvent(JSON.parse(text))),
      );
    });
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(0, '127.0.0.1', resolve);
    });
    const bound = server.address();
    if (bound === null || typeof bound === 'string') throw new Error('the subscriber has no port');
    return {
      address: String(bound.port),
      close: () => {
        for (const socket of sockets) socket.destroy();
        return new Promise((resolve) => server.close(() => resolve()));
      },
    };
  },

  async connect(address) {
    const socket = connect({ host: '127.0.0.1', port: Number(address), noDelay: true });
    await new Promise<void>((resolve, reject) => {
      socket.once('connect', resolve);
      socket.once('error', reject);
    });
    socket.on('error', () => socket.destroy());
    const writer = gatheredWriter(socket, Number.POSITIVE_INFINITY);
    return {
      publish: async (body) => {
        if (socket.destroyed) throw new Error('the connection to the subscriber was closed');
        writer.frame(0, EVENT, JSON.stringify(body));
      },
      close: async () => {
        socket.destroy();
      },
    };
  },
};
