import { connect, createServer, type Socket } from 'node:net';
import type { Caller, Peer, Served } from '../peer.ts';
import { type Body, streamBody } from '../work.ts';
import { frameReader } from './frame-reader.ts';
import { gatheredWriter } from './gathered-writer.ts';

const CALL = 1;
const STREAM = 2;
const MESSAGE = 3;
const END = 4;

/**
 * The practical limit: one socket, length-prefixed frames with request ids, many calls in flight, writes gathered per
 * turn of the event loop, JSON at both ends, and nothing else. Every ratio of the bench is against this peer.
 */
export const rawNet: Peer = {
  serve: () => serveFrames(Number.POSITIVE_INFINITY),
  connect: (address) => connectFrames(address, Number.POSITIVE_INFINITY),
};

/** A server of frames on a free port of 127.0.0.1. */
export async function serveFrames(earlyBytes: number): Promise<Served> {
  const sockets = new Set<Socket>();
  const server = createServer({ noDelay: true }, (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => socket.destroy());
    const writer = gatheredWriter(socket, earlyBytes);
    const stream = async (id: number, count: number) => {
      for (let index = 0; index < count && !socket.destroyed; index++) {
        writer.frame(id, MESSAGE, JSON.stringify(streamBody(index)));
        const room = writer.room();
        if (room !== undefined) await room;
      }
      writer.frame(id, END, '');
    };
    const read = frameReader((id, kind, text) => {
      if (kind === CALL) writer.frame(id, CALL, JSON.stringify(JSON.parse(text)));
      else void stream(id, Number(text));
    });
    socket.on('data', read);
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  const bound = server.address();
  if (bound === null || typeof bound === 'string') throw new Error('the server has no port');
  return {
    address: String(bound.port),
    close: () => {
      for (const socket of sockets) socket.destroy();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

/** What waits for frames with its id. */
interface Pending {
  readonly resolve: (body: Body) => void;
  readonly end: () => void;
  readonly reject: (error: Error) => void;
  readonly onMessage: (message: Body) => void;
}

const nothing = () => {};

/** One connection to a server of frames. */
export async function connectFrames(address: string, earlyBytes: number): Promise<Caller> {
  const pending: (Pending | undefined)[] = [];
  const freeIds: number[] = [];
  const take = (entry: Pending): number => {
    const id = freeIds.pop() ?? pending.length;
    pending[id] = entry;
    return id;
  };
  const give = (id: number) => {
    pending[id] = undefined;
    freeIds.push(id);
  };

  const read = frameReader((id, kind, text) => {
    const entry = pending[id];
    if (entry === undefined) throw new Error(`a frame with id ${id} answers nothing`);
    if (kind === MESSAGE) return entry.onMessage(JSON.parse(text));
    give(id);
    if (kind === CALL) entry.resolve(JSON.parse(text));
    else entry.end();
  });
  const buffer = Buffer.allocUnsafeSlow(64 * 1024);
  const socket = connect({
    host: '127.0.0.1',
    port: Number(address),
    noDelay: true,
    onread: {
      buffer,
      callback: (bytes) => {
        read(bytes === buffer.length ? buffer : buffer.subarray(0, bytes));
        return true;
      },
    },
  });
  await new Promise<void>((resolve, reject) => {
    socket.once('connect', resolve);
    socket.once('error', reject);
  });
  socket.on('error', () => socket.destroy());
  socket.on('close', () => {
    for (const entry of pending) entry?.reject(new Error('the connection was closed with calls in flight'));
  });
  const writer = gatheredWriter(socket, earlyBytes);

  return {
    call: (body) =>
      new Promise((resolve, reject) => {
        const id = take({ resolve, reject, end: nothing, onMessage: nothing });
        writer.frame(id, CALL, JSON.stringify(body));
      }),
    stream: (count, onMessage) =>
      new Promise((resolve, reject) => {
        const id = take({ resolve: nothing, reject, end: resolve, onMessage });
        writer.frame(id, STREAM, String(count));
      }),
    close: async () => {
      socket.destroy();
    },
  };
}
