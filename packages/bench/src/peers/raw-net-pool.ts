import type { Caller, Peer } from '../peer.ts';
import { connectFrames, serveFrames } from './raw-net.ts';

/**
 * The frames of raw-net, but one call (or stream) at a time on each connection of a pool, as HTTP/1.1 without pipelining
 * has to. The limit for a transport that shares no connection.
 */
export const rawNetPool: Peer = {
  serve: () => serveFrames(Number.POSITIVE_INFINITY),
  connect: async (address) => {
    const idle: Caller[] = [];
    const all: Caller[] = [];
    const open = async () => {
      const connection = await connectFrames(address, Number.POSITIVE_INFINITY);
      all.push(connection);
      return connection;
    };
    return {
      call: async (body) => {
        const connection = idle.pop() ?? (await open());
        const reply = await connection.call(body);
        idle.push(connection);
        return reply;
      },
      stream: async (count, onMessage) => {
        const connection = idle.pop() ?? (await open());
        await connection.stream(count, onMessage);
        idle.push(connection);
      },
      close: async () => {
        for (const connection of all) await connection.close();
      },
    };
  },
};
