import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { Worker } from 'node:worker_threads';
import { expect, test } from 'vitest';
import { bind } from '../../src/util/bind.ts';

/** More than the 511 that Node lets wait by itself, where the system lets so many wait. */
const BURST = Math.min(700, mostWaiting());

function mostWaiting(): number {
  try {
    return Number(readFileSync('/proc/sys/net/core/somaxconn', 'utf8'));
  } catch {
    // A system that does not say it this way lets at least so many wait.
    return 100;
  }
}

/** Opens connections when it is told to, from a thread of its own. Counts them at 0 and says at 1 that all of them stand. */
const CALLERS = `
const { connect } = require('node:net');
const { parentPort, workerData: { port, burst, seen } } = require('node:worker_threads');
const sockets = [];
parentPort.on('message', () => {
  if (sockets.length > 0) {
    for (const socket of sockets) socket.destroy();
    parentPort.close();
    return;
  }
  for (let index = 0; index < burst; index++) {
    const socket = connect(port, '127.0.0.1', () => {
      if (Atomics.add(seen, 0, 1) + 1 < burst) return;
      Atomics.store(seen, 1, 1);
      Atomics.notify(seen, 1);
    });
    socket.on('error', () => {});
    sockets.push(socket);
  }
});
parentPort.postMessage('ready');
`;

test.skipIf(mostWaiting() < BURST)(
  'a burst of connections waits for a process that is busy, and none is turned away',
  async () => {
    const server = createServer();
    const accepted = new Set<Socket>();
    server.on('connection', (socket) => {
      accepted.add(socket);
      socket.on('error', () => {});
    });
    const { port } = await bind(server, '127.0.0.1:0');
    const seen = new Int32Array(new SharedArrayBuffer(8));
    const callers = new Worker(CALLERS, { eval: true, workerData: { port, burst: BURST, seen } });
    try {
      await once(callers, 'message');
      callers.postMessage('go');
      // This thread accepts nothing meanwhile. Who finds no room is asked to come again after a second and more.
      Atomics.wait(seen, 1, 0, 10_000);
      expect(Atomics.load(seen, 0)).toBe(BURST);
    } finally {
      callers.postMessage('end');
      await once(callers, 'exit');
      for (const socket of accepted) socket.destroy();
      server.close();
      await once(server, 'close');
    }
  },
);
