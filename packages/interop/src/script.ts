import { once } from 'node:events';
import { connect } from 'node:net';
import type { Conversation, Step } from './conversation.ts';
import { countMessages, splitMessages } from './http-messages.ts';

/** What a script does next: writes bytes (latin1 text), waits for whole messages, for a time, or for the server to close. */
export type Move =
  | { readonly write: string }
  | { readonly await: number }
  | { readonly pauseMs: number }
  | { readonly awaitClose: true };

/** How long a script waits for the server, in milliseconds. */
const PATIENCE_MS = 5_000;

/** Connects to a server, makes the moves and returns what both sides wrote. */
export async function playScript(address: string, about: string, moves: readonly Move[]): Promise<Conversation> {
  const colon = address.lastIndexOf(':');
  const socket = connect({ host: address.slice(0, colon), port: Number(address.slice(colon + 1)), noDelay: true });
  const steps: Step[] = [];
  let received = '';
  let ended = false;
  let wake = (): void => {};
  socket.on('error', () => {});
  socket.on('data', (chunk) => {
    received += chunk.toString('latin1');
    wake();
  });
  socket.once('close', () => {
    ended = true;
    wake();
  });
  const until = async (done: () => boolean, what: string): Promise<void> => {
    const timer = setTimeout(() => socket.destroy(), PATIENCE_MS);
    try {
      while (!done()) {
        if (ended) throw new Error(`${about}: ${what} did not come; the server wrote ${JSON.stringify(received)}`);
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    } finally {
      clearTimeout(timer);
    }
  };
  const take = (): void => {
    for (const bytes of splitMessages(received)) steps.push({ from: 'server', bytes });
    received = '';
  };
  let closedBy: 'server' | undefined;
  try {
    await once(socket, 'connect');
    for (const move of moves) {
      if ('write' in move) {
        socket.write(move.write.replaceAll('{{address}}', address), 'latin1');
        steps.push({ from: 'client', bytes: move.write });
      } else if ('await' in move) {
        await until(() => countMessages(received) >= move.await, `${move.await} messages`);
        take();
      } else if ('pauseMs' in move) {
        await new Promise((resolve) => setTimeout(resolve, move.pauseMs));
      } else {
        await until(() => ended, 'the end of the connection');
        take();
        closedBy = 'server';
      }
    }
  } finally {
    socket.destroy();
  }
  return { about, steps, ...(closedBy === undefined ? {} : { closedBy }) };
}
