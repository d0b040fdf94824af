import { getEventListeners } from 'node:events';
import { expect, test } from 'vitest';
import { eventually } from '../../src/conformance/eventually.ts';
import type { Context } from '../../src/contract/context.ts';
import type { Node } from '../../src/contract/registry.ts';
import { MicroError } from '../../src/error/micro-error.ts';
import { defineService, unary } from '../../src/rpc/define-service.ts';
import { httpTransport } from '../../src/transport/http-transport.ts';
import { recordingLogger } from './recording-logger.ts';
import { createWorld } from './world.ts';

const CALLS = 10_000;
const IN_FLIGHT = 256;
/** Room for the calls in flight and for every handler whose call was given up and that has not ended yet. */
const MOST_OPEN = IN_FLIGHT + CALLS / 10;

const Echo = defineService('Echo', {
  say: unary<{ id: number; waitMs: number }, { id: number }>(),
  hang: unary<{ id: number }, { id: number }>(),
  hold: unary<{ id: number }, { id: number }>(),
});

/** How a call of a number is meant to end: every tenth not with an answer. */
function fateOf(id: number): 'answered' | 'cancelled' | 'timed out' {
  if (id % 10 !== 3) return 'answered';
  return id % 20 === 3 ? 'cancelled' : 'timed out';
}

test('ten thousand calls over one connection find their own answers, and nothing is left of any', {
  timeout: 120_000,
}, async () => {
  const sockets = tcpSockets();
  const { logger, lines } = recordingLogger();
  let busy = 0;
  let hanging = 0;
  let release = (): void => {};
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  const peers = new Set<string>();
  const world = createWorld(() => httpTransport({ maxInFlight: MOST_OPEN }));
  const server = await world.start({ logger, server: { drainMs: 50 } }, (service) =>
    service.server.handle(Echo, {
      async say({ id, waitMs }, ctx) {
        peers.add(ctx.peer?.address ?? '');
        busy += 1;
        // Timers of several lengths, so that answers come in another order than their calls.
        if (waitMs > 0) await new Promise((resolve) => setTimeout(resolve, waitMs));
        busy -= 1;
        return { id };
      },
      async hang({ id }, ctx: Context) {
        hanging += 1;
        await new Promise((resolve) => ctx.signal.addEventListener('abort', resolve, { once: true }));
        // Later than the caller gives up, whose clock may be the slower one.
        await new Promise((resolve) => setTimeout(resolve, 100));
        hanging -= 1;
        return { id };
      },
      async hold({ id }) {
        busy += 1;
        await held;
        busy -= 1;
        return { id };
      },
    }),
  );
  const { client } = world.caller();
  const echo = client.of(Echo, 'greeter');
  const shared = new AbortController();
  let most = 0;
  let inFlight = 0;

  const call = async (id: number): Promise<void> => {
    const fate = fateOf(id);
    if (fate === 'answered') {
      const answer = await echo.say({ id, waitMs: (id * 7) % 5 }, { signal: shared.signal, timeoutMs: 0 });
      expect(answer).toEqual({ id });
      return;
    }
    const own = new AbortController();
    if (fate === 'cancelled') setTimeout(() => own.abort(new Error(`enough of ${id}`)), id % 7);
    const error = await echo
      .hang({ id }, { signal: own.signal, timeoutMs: fate === 'cancelled' ? 0 : 5 + (id % 20) })
      .catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(MicroError);
    expect((error as MicroError).code).toBe(fate === 'cancelled' ? 499 : 408);
    if (fate === 'cancelled') expect((error as MicroError).cause).toMatchObject({ message: `enough of ${id}` });
    expect(getEventListeners(own.signal, 'abort')).toHaveLength(0);
  };
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < CALLS) {
      const id = next++;
      most = Math.max(most, ++inFlight);
      await call(id);
      inFlight -= 1;
    }
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, worker));

  expect(most).toBe(IN_FLIGHT);
  expect(peers.size).toBe(1);
  expect(getEventListeners(shared.signal, 'abort')).toHaveLength(0);
  await eventually(() => expect({ busy, hanging }).toEqual({ busy: 0, hanging: 0 }));

  // The server takes as many at once as before, so nothing is open there; the selector counts none but the call itself.
  const counted: number[] = [];
  const strategy = (nodes: readonly Node[], inFlightOf: (node: Node) => number): Node => {
    counted.push(...nodes.map(inFlightOf));
    return nodes[0] as Node;
  };
  await echo.say({ id: 0, waitMs: 0 }, { strategy });
  expect(counted).toEqual([0]);
  const patient = { retries: 0, timeoutMs: 0 };
  const again = Array.from({ length: MOST_OPEN }, (_, id) => echo.say({ id, waitMs: 200 }, patient));
  expect((await Promise.all(again)).map(({ id }) => id)).toEqual(again.map((_, id) => id));
  // None of them is answered before all have been sent, however long that takes.
  await expect(
    Promise.all(Array.from({ length: MOST_OPEN + 1 }, (_, id) => echo.hold({ id }, patient))),
  ).rejects.toMatchObject({ code: 429, unexecuted: true });
  release();
  await eventually(() => expect(busy).toBe(0));

  // Nothing is open on the client's side either: its connection does not keep the process alive any more.
  await eventually(() => expect(tcpSockets() - sockets).toBeLessThanOrEqual(1), { timeoutMs: 10_000 });
  await server.stop();
  expect(lines.filter(({ level }) => level === 'warn')).toEqual([]);
  await world[Symbol.asyncDispose]();
  await eventually(() => expect(tcpSockets()).toBe(sockets), { timeoutMs: 10_000 });
});

test('more timeouts than a connection remembers headers are told to the server as they are', async () => {
  await using world = createWorld();
  await world.start({}, ({ server }) =>
    server.handle('Left', { time: (_: unknown, ctx: Context) => ({ ms: ctx.timeLeft() }) }),
  );
  const { client } = world.caller();
  for (let timeoutMs = 10_000; timeoutMs < 12_000; timeoutMs++) {
    const answer = await client.call({ service: 'greeter', endpoint: 'Left.Time' }, { timeoutMs });
    const { ms } = answer as { ms: number };
    expect(ms).toBeLessThanOrEqual(timeoutMs);
    expect(ms).toBeGreaterThan(timeoutMs - 5_000);
  }
});

/** The connections that keep this process alive. */
function tcpSockets(): number {
  return process.getActiveResourcesInfo().filter((name) => name === 'TCPSocketWrap').length;
}
