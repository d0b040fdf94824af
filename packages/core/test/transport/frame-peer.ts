import { connect, createServer, type Server, type Socket } from 'node:net';
import { eventually } from '../../src/conformance/eventually.ts';
import type { Header } from '../../src/contract/message.ts';
import { encodeHeaderBlock, FLAG, FRAME_HEAD, KIND, NO_REFERENCE, PREFACE } from '../../src/transport/frame.ts';
import { FrameReader } from '../../src/transport/frame-reader.ts';

/** A frame as a test sees it. */
export interface Frame {
  readonly kind: number;
  readonly flags: number;
  readonly id: number;
  readonly payload: Buffer;
}

export function frame(kind: number, id: number, payload: Uint8Array = Buffer.alloc(0), flags = 0): Buffer {
  const head = Buffer.alloc(FRAME_HEAD);
  head.writeUInt32BE(FRAME_HEAD - 4 + payload.length);
  head[4] = kind;
  head[5] = flags;
  head.writeUInt32BE(id, 6);
  return Buffer.concat([head, payload]);
}

export function settings(...pairs: readonly (readonly [key: number, value: number])[]): Buffer {
  return frame(
    KIND.settings,
    0,
    Buffer.concat(
      pairs.map(([key, value]) => {
        const pair = Buffer.alloc(5);
        pair[0] = key;
        pair.writeUInt32BE(value, 1);
        return pair;
      }),
    ),
  );
}

/** A message all of whose fields are extra ones. */
export function message(
  kind: number,
  id: number,
  fields: Header,
  body: Uint8Array = Buffer.alloc(0),
  flags = 0,
): Buffer {
  return frame(kind, id, Buffer.concat([u16(NO_REFERENCE), block(fields), body]), FLAG.extra | flags);
}

/** A message that refers to a header, and defines it where fields are given. */
export function referring(
  kind: number,
  id: number,
  reference: number,
  fields?: Header,
  body: Uint8Array = Buffer.alloc(0),
  flags = 0,
): Buffer {
  const definition = fields === undefined ? Buffer.alloc(0) : block(fields);
  return frame(
    kind,
    id,
    Buffer.concat([u16(reference), definition, body]),
    flags | (fields === undefined ? 0 : FLAG.define),
  );
}

export function u16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16BE(value);
  return bytes;
}

export function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

export function block(fields: Header): Buffer {
  const encoded = encodeHeaderBlock(fields, Number.POSITIVE_INFINITY);
  return Buffer.concat([u32(encoded.length), encoded]);
}

/** A peer whose every byte the test decides. */
export interface RawPeer extends AsyncDisposable {
  readonly socket: Socket;
  readonly frames: readonly Frame[];
  readonly closed: boolean;
  send(...bytes: readonly Uint8Array[]): void;
  /** The first frame that arrived, or arrives, of a kind, and for an exchange where one is given. */
  frame(kind: number, id?: number): Promise<Frame>;
  /** Resolves when the other side has closed the connection; with the text of its goaway. */
  refusal(): Promise<string>;
}

/** Connects to a listener. It has said hello unless `hello` is false. */
export async function rawClient(address: string, { hello = true } = {}): Promise<RawPeer> {
  const [host, port] = address.split(':');
  const socket = connect({ host: host ?? '', port: Number(port), noDelay: true });
  await new Promise<void>((resolve, reject) => socket.once('connect', resolve).once('error', reject));
  const peer = rawPeer(socket);
  if (hello) peer.send(PREFACE, settings());
  return peer;
}

/** Listens, and makes each connection a raw peer; the test answers by hand. */
export async function rawServer(
  accept: (peer: RawPeer) => void,
): Promise<AsyncDisposable & { address: string; peers: readonly RawPeer[] }> {
  const peers: RawPeer[] = [];
  const server: Server = createServer((socket) => {
    const peer = rawPeer(socket);
    peers.push(peer);
    accept(peer);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const bound = server.address();
  const port = typeof bound === 'object' && bound !== null ? bound.port : 0;
  return {
    address: `127.0.0.1:${port}`,
    peers,
    async [Symbol.asyncDispose]() {
      for (const { socket } of peers) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function rawPeer(socket: Socket): RawPeer {
  const frames: Frame[] = [];
  let closed = false;
  let prefaceLeft = PREFACE.length;
  const reader = new FrameReader(
    {
      frame(bytes, start, end) {
        frames.push({
          kind: bytes[start] ?? -1,
          flags: bytes[start + 1] ?? -1,
          id: bytes.readUInt32BE(start + 2),
          payload: Buffer.from(bytes.subarray(start + 6, end)),
        });
      },
      oversize() {},
      broken() {},
    },
    Number.POSITIVE_INFINITY,
  );
  socket.on('data', (chunk) => {
    const skipped = Math.min(prefaceLeft, chunk.length);
    prefaceLeft -= skipped;
    reader.read(chunk.subarray(skipped));
  });
  socket.on('error', () => {});
  socket.on('end', () => {
    closed = true;
  });
  socket.on('close', () => {
    closed = true;
  });
  return {
    socket,
    frames,
    get closed() {
      return closed;
    },
    send(...bytes) {
      socket.write(Buffer.concat(bytes));
    },
    frame: (kind, id) =>
      eventually(
        () => {
          const found = frames.find((each) => each.kind === kind && (id === undefined || each.id === id));
          if (found === undefined) throw new Error(`no frame of kind ${kind}`);
          return found;
        },
        { timeoutMs: 10_000, everyMs: 5 },
      ),
    refusal: () =>
      eventually(
        () => {
          if (!closed) throw new Error('the connection is still open');
          return frames.find(({ kind }) => kind === KIND.goaway)?.payload.toString() ?? '';
        },
        { timeoutMs: 10_000, everyMs: 5 },
      ),
    async [Symbol.asyncDispose]() {
      socket.destroy();
    },
  };
}
