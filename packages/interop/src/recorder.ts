import { once } from 'node:events';
import type { AddressInfo, Socket } from 'node:net';
import { connect, createServer } from 'node:net';
import type { Step } from './conversation.ts';
import { splitMessages } from './http-messages.ts';

/** Stands between a client and a server and keeps what each of them writes. */
export interface Recorder {
  /** Where the client dials. */
  readonly address: string;
  /** How many connections there have been. */
  readonly connections: number;
  /** What went over connection `index` so far, whole messages apart. */
  steps(index?: number): Step[];
  /** Who ended connection `index` first; waits for it up to 5 s. */
  closedBy(index?: number): Promise<'client' | 'server'>;
  close(): Promise<void>;
}

interface Recorded {
  /** What was written in one go before the other side wrote, in latin1. */
  readonly turns: { from: 'client' | 'server'; bytes: string }[];
  readonly closed: Promise<'client' | 'server'>;
}

/** Records connections to `target` (`host:port`). */
export async function startRecorder(target: string): Promise<Recorder> {
  const colon = target.lastIndexOf(':');
  const recorded: Recorded[] = [];
  const open = new Set<Socket>();

  const server = createServer({ noDelay: true }, (client) => {
    const upstream = connect({ host: target.slice(0, colon), port: Number(target.slice(colon + 1)), noDelay: true });
    const turns: Recorded['turns'] = [];
    const relay = (from: 'client' | 'server', source: Socket, sink: Socket): void => {
      open.add(source);
      source.on('data', (chunk) => {
        const last = turns.at(-1);
        if (last?.from === from) last.bytes += chunk.toString('latin1');
        else turns.push({ from, bytes: chunk.toString('latin1') });
        sink.write(chunk);
      });
      source.on('error', () => {});
      source.once('close', () => {
        open.delete(source);
        sink.destroy();
      });
    };
    const closed = new Promise<'client' | 'server'>((resolve) => {
      client.once('end', () => resolve('client')).once('close', () => resolve('client'));
      upstream.once('end', () => resolve('server')).once('close', () => resolve('server'));
    });
    relay('client', client, upstream);
    relay('server', upstream, client);
    recorded.push({ turns, closed });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = `127.0.0.1:${(server.address() as AddressInfo).port}`;

  const connection = (index: number): Recorded => {
    const found = recorded[index];
    if (found === undefined) throw new Error(`there is no connection ${index}, only ${recorded.length}`);
    return found;
  };
  return {
    address,
    get connections() {
      return recorded.length;
    },
    steps: (index = 0) =>
      connection(index).turns.flatMap(({ from, bytes }) =>
        splitMessages(bytes).map((message) => ({
          from,
          bytes: message.replace(`Host: ${address}`, 'Host: {{address}}'),
        })),
      ),
    async closedBy(index = 0) {
      let timer: NodeJS.Timeout | undefined;
      const late = new Promise<never>((_, reject) => {
        timer = setTimeout(() => reject(new Error(`connection ${index} was not closed within 5 s`)), 5_000);
      });
      try {
        return await Promise.race([connection(index).closed, late]);
      } finally {
        clearTimeout(timer);
      }
    },
    async close() {
      for (const socket of open) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}
