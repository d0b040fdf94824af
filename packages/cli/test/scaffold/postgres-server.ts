import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { PGlite } from '@electric-sql/pglite';

/** A real PostgreSQL in this process, for clients of one after the other. */
export interface PostgresServer {
  /** The variables that lead to it. */
  readonly env: Readonly<Record<string, string>>;
  close(): Promise<void>;
}

/** Starts it, in memory, on a port of its own. */
export async function startPostgres(): Promise<PostgresServer> {
  const database = await PGlite.create();
  const sockets = new Set<Socket>();
  let last: Promise<unknown> = Promise.resolve();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {}).on('close', () => sockets.delete(socket));
    socket.on('data', (bytes) => {
      // It is one session, which answers one message after the other.
      last = last
        .then(async () => socket.write(await database.execProtocolRaw(new Uint8Array(bytes))))
        .catch(() => socket.destroy());
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  let closing: Promise<void> | undefined;
  const close = async (): Promise<void> => {
    for (const socket of sockets) socket.destroy();
    server.close();
    await last;
    await database.close();
  };
  return {
    env: { PGHOST: '127.0.0.1', PGPORT: String(port), PGUSER: 'postgres', PGDATABASE: 'postgres' },
    close() {
      closing ??= close();
      return closing;
    },
  };
}
