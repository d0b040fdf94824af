import { type AddressInfo, createServer, type Socket } from 'node:net';
import { afterEach, expect, test, vi } from 'vitest';
import type { MicroError } from '../../src/error/micro-error.ts';
import { connect } from '../../src/transport/connect.ts';

const closing: (() => unknown)[] = [];

afterEach(async () => {
  vi.restoreAllMocks();
  for (const close of closing.splice(0)) await close();
});

/** A server that accepts connections and says nothing, so that no TLS ever stands on one. */
async function silentServer(): Promise<string> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => sockets.add(socket.on('error', () => {})));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closing.push(() => {
    for (const socket of sockets) socket.destroy();
    return new Promise((resolve) => server.close(resolve));
  });
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

test('a connection that does not stand in time fails once, with a 503 that says that nothing was executed', async () => {
  const address = await silentServer();
  const outcomes: (MicroError | undefined)[] = [];
  await new Promise<void>((resolve) => {
    const socket = connect(address, { timeoutMs: 30, tls: { insecure: true } }, (error) => outcomes.push(error));
    socket.once('close', () => resolve());
  });
  expect(outcomes).toMatchObject([
    {
      code: 503,
      detail: `connection error: cannot connect to ${address}: no connection within 30 ms`,
      unexecuted: true,
    },
  ]);
});

test.each([
  [undefined, [5_000]],
  [250, [250]],
  [0, []],
  [2 ** 40, []],
])('a connection that may take %s ms is given up after %j ms', async (timeoutMs, delays) => {
  const address = await silentServer();
  const timers = vi.spyOn(globalThis, 'setTimeout');
  const socket = connect(address, { timeoutMs }, () => {});
  const asked = timers.mock.calls.map(([, delay]) => delay);
  socket.destroy();
  await new Promise((resolve) => socket.once('close', resolve));
  expect(asked).toEqual(delays);
});
