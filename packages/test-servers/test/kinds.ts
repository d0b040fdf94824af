import { connect } from 'node:net';
import { askJson } from '../src/ask-http.ts';
import { missingServer, type ServerKind, startEtcd, startNats, startRedis, type TestServer } from '../src/index.ts';
import { askRedis } from '../src/redis-wire.ts';

/** One kind of server, with what a test needs to see whether it answers and what it remembers. */
export interface KindUnderTest {
  readonly kind: ServerKind;
  readonly missing: string | undefined;
  /** One that keeps its data. */
  start(): Promise<TestServer>;
  /** Rejects when the server does not answer within so many milliseconds. Default 20,000: a busy machine is slow. */
  ask(server: TestServer, timeoutMs?: number): Promise<void>;
  /** Writes something. `undefined` where the plain server has no memory. */
  readonly write: ((server: TestServer) => Promise<void>) | undefined;
  /** Whether what was written is still there. */
  has(server: TestServer): Promise<boolean>;
}

const PATIENCE_MS = 20_000;

const KEY = Buffer.from('colour').toString('base64');

export const KINDS: readonly KindUnderTest[] = [
  {
    kind: 'etcd',
    missing: missingServer('etcd'),
    start: () => startEtcd(),
    ask: async ({ url }, timeoutMs = PATIENCE_MS) =>
      void (await askJson(`${url}/v3/kv/range`, { body: { key: KEY }, timeoutMs })),
    write: async ({ url }) => void (await askJson(`${url}/v3/kv/put`, { body: { key: KEY, value: KEY } })),
    has: async ({ url }) => (await askJson(`${url}/v3/kv/range`, { body: { key: KEY } })).count === '1',
  },
  {
    kind: 'redis',
    missing: missingServer('redis'),
    start: () => startRedis({ appendOnly: true }),
    ask: async (server, timeoutMs = PATIENCE_MS) => void (await askRedis(server, ['PING'], timeoutMs)),
    write: async (server) => void (await askRedis(server, ['SET', 'colour', 'red'])),
    has: async (server) => (await askRedis(server, ['GET', 'colour'])) === 'red',
  },
  {
    kind: 'nats',
    missing: missingServer('nats'),
    start: () => startNats(),
    ask: ({ host, port }, timeoutMs = PATIENCE_MS) => pingNats(host, port, timeoutMs),
    write: undefined,
    has: () => Promise.resolve(false),
  },
];

/** The test's name says why it is skipped, as the other reasons to skip do. */
export function named(name: string, missing: string | undefined): string {
  return missing === undefined ? name : `${name} (skipped: ${missing})`;
}

function pingNats(host: string, port: number, timeoutMs: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port });
    socket.setEncoding('utf8').setTimeout(timeoutMs, () => reject(new Error(`${host}:${port} did not answer`)));
    socket.on('error', reject).on('close', () => reject(new Error(`${host}:${port} hung up`)));
    socket.on('data', (chunk: string) => {
      if (chunk.includes('INFO')) socket.write('PING\r\n');
      if (!chunk.includes('PONG')) return;
      resolve();
      socket.destroy();
    });
  });
}
