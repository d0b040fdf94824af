import { once } from 'node:events';
import type { AddressInfo, Socket } from 'node:net';
import { createServer } from 'node:net';
import type { Conversation } from './conversation.ts';
import { countMessages, splitMessages } from './http-messages.ts';

/** Plays the server of a recorded conversation to every client that connects. */
export interface Player {
  readonly address: string;
  /** What clients wrote, one HTTP message at a time, in the order of their connections. */
  requests(): string[];
  close(): Promise<void>;
}

/** What the server writes once the client has written so many messages. */
interface Turn {
  readonly after: number;
  readonly bytes: string;
}

/**
 * Starts a player. Its server writes what was recorded, byte for byte, as soon as the client has written as many messages as
 * in the recording; only the ids are those of the client that is there now, as a server echoes them.
 */
export async function startPlayer({ steps, closedBy }: Conversation): Promise<Player> {
  const turns: Turn[] = [];
  let after = 0;
  for (const { from, bytes } of steps) {
    if (from === 'client') after++;
    else turns.push({ after, bytes });
  }
  const written: { text: string }[] = [];
  const open = new Set<Socket>();
  const server = createServer({ noDelay: true }, (socket) => {
    const mine = { text: '' };
    written.push(mine);
    open.add(socket);
    let next = 0;
    socket.on('error', () => {});
    socket.once('close', () => open.delete(socket));
    socket.on('data', (chunk) => {
      mine.text += chunk.toString('latin1');
      const count = countMessages(mine.text);
      for (let turn = turns[next]; turn !== undefined && turn.after <= count; turn = turns[++next]) {
        socket.write(withIds(turn.bytes, mine.text), 'latin1');
      }
      if (next === turns.length && closedBy === 'server') socket.end();
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests: () => written.flatMap(({ text }) => splitMessages(text)),
    async close() {
      for (const socket of open) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

/** What a server wrote, under the id that the client wrote last. */
function withIds(bytes: string, written: string): string {
  const id = written.slice(written.lastIndexOf('\r\nMicro-Id: ')).match(/^\r\nMicro-Id: ([^\r]*)/)?.[1];
  if (id === undefined) return bytes;
  return bytes.replaceAll(/\r\n((?:X-)?Micro-(?:Id|Stream)): [^\r]*/g, (_, name: string) => `\r\n${name}: ${id}`);
}
