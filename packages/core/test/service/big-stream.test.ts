import { afterEach, beforeEach, expect, test } from 'vitest';
import { eventually } from '../../src/conformance/eventually.ts';
import { memoryRegistry } from '../../src/registry/memory-registry.ts';
import { bidiStream, clientStream, defineService, serverStream } from '../../src/rpc/define-service.ts';
import type { ServiceOptions } from '../../src/service/service-options.ts';
import { type Children, children, told } from './child-process.ts';
import { createWorld, type World } from './world.ts';

/** A stream of 1 GB is that many messages of 64 KiB. */
const MESSAGES = 16_384;
const MIB = 1024 * 1024;
const OCTETS = { contentType: 'application/octet-stream' };

interface State {
  readonly given: number;
  readonly taken: number;
  readonly ended: readonly string[];
  readonly most: Memory;
}

/** In bytes: as the system counts it, and what a collection leaves of it. */
interface Memory {
  readonly rss: number;
  readonly used: number;
}

let processes: Children;
const worlds: World[] = [];

beforeEach(() => {
  processes = children();
});
afterEach(async () => {
  for (const world of worlds.splice(0)) await world[Symbol.asyncDispose]();
  await processes[Symbol.asyncDispose]();
});

const Bytes = defineService('Bytes', {
  give: serverStream<Uint8Array, Uint8Array>(),
  take: clientStream<Uint8Array, Uint8Array>(),
  swap: bidiStream<Uint8Array, Uint8Array>(),
});

/** A server of streams in a process of its own, and a client of it in this one. */
async function streamServer(options: Partial<ServiceOptions> = {}) {
  const server = processes.start('stream-server.mjs');
  const { address } = await told<{ address: string }>(server);
  const node = { id: 'bytes-1', address, metadata: { protocol: 'mucp', frames: '1' } };
  const registry = memoryRegistry({
    services: [{ name: 'bytes', version: '1', metadata: {}, endpoints: [], nodes: [node] }],
  });
  const world = createWorld();
  worlds.push(world);
  const { client } = world.caller({ registry, ...options });
  const state = async (): Promise<State> => (await client.call({ service: 'bytes', endpoint: 'Watch.State' })) as State;
  const bytes = client.of(Bytes, 'bytes');
  return { server, address, client, bytes, state };
}

test.each(['read', 'write'])(
  'a stream of 1 GB to a slow side holds under 8 MiB on either side (%s)',
  async (what) => {
    const { address, bytes, client: caller, state } = await streamServer();
    // A first stream of each kind, so that the code that every stream needs is there: what is measured is what streams hold.
    for await (const _ of bytes.give(Buffer.from('10'), OCTETS));
    await bytes.take([new Uint8Array(1)], OCTETS);
    const idle = (await caller.call({ service: 'bytes', endpoint: 'Watch.Reset' })) as { idle: Memory };
    const child = processes.start('stream-client.mjs', address, what, String(MESSAGES));
    const client = await told<{ done: number; idle: Memory; most: Memory }>(child);
    expect(client.done).toBe(MESSAGES * 64 * 1024);
    const server = { ...idle, ...(await state()) };
    expect(what === 'read' ? server.given : server.taken).toBeGreaterThanOrEqual(MESSAGES);
    for (const [side, { idle, most }] of Object.entries({ client, server })) {
      expect((most.used - idle.used) / MIB, `MiB that the ${side} held`).toBeLessThan(8);
      // Rubbish comes on top: V8 collects buffers when there are 64 MiB of them, and on Node 24 a bare socket has them all.
      expect((most.rss - idle.rss) / MIB, `MiB that the ${side} had`).toBeLessThan(160);
    }
  },
  600_000,
);

test('a reader that leaves a stream early ends the handler at the other side, whose finally block runs', async () => {
  const { bytes, state } = await streamServer();
  let taken = 0;
  for await (const message of bytes.give(Buffer.from(String(MESSAGES)), OCTETS)) {
    taken += message.length;
    if (taken > MIB) break;
  }
  await eventually(async () => expect((await state()).ended).toEqual(['give']));
  // What was not asked for was not made: what is on its way is two windows at most.
  expect((await state()).given).toBeLessThan(100);
});

test('a signal ends a stream while its reader waits, and the server’s handler with it', async () => {
  const { bytes, state } = await streamServer();
  const controller = new AbortController();
  const reading = (async () => {
    for await (const message of bytes.give(Buffer.from(String(MESSAGES)), { ...OCTETS, signal: controller.signal })) {
      expect(message).toHaveLength(64 * 1024);
      // Nothing is read any more, so that the server waits for room.
      await new Promise((resolve) => controller.signal.addEventListener('abort', resolve, { once: true }));
    }
  })();
  await eventually(async () => expect((await state()).given).toBeGreaterThan(0));
  controller.abort(new Error('enough'));
  await expect(reading).rejects.toMatchObject({ code: 499, cause: { message: 'enough' } });
  await eventually(async () => expect((await state()).ended).toEqual(['give']));
});

test('cancelling a call whose requests are a stream ends the handler and the source of the requests', async () => {
  const { bytes, state } = await streamServer();
  const controller = new AbortController();
  let ended = 0;
  async function* messages(): AsyncGenerator<Uint8Array> {
    try {
      for (;;) yield new Uint8Array(64 * 1024);
    } finally {
      ended += 1;
    }
  }
  const answer = bytes.take(messages(), { ...OCTETS, timeoutMs: 0, signal: controller.signal });
  await eventually(async () => expect((await state()).taken).toBeGreaterThan(20));
  controller.abort();
  await expect(answer).rejects.toMatchObject({ code: 499 });
  await eventually(async () => expect((await state()).ended).toEqual(['take']));
  await eventually(() => expect(ended).toBe(1));
});

test('a bidirectional stream that its reader leaves ends both its ends', async () => {
  const { bytes, state } = await streamServer();
  let ended = 0;
  async function* messages(): AsyncGenerator<Uint8Array> {
    try {
      for (;;) yield new Uint8Array(1_000);
    } finally {
      ended += 1;
    }
  }
  let count = 0;
  for await (const _ of bytes.swap(messages(), OCTETS)) if (++count === 100) break;
  await eventually(async () => expect((await state()).ended).toEqual(['swap']));
  await eventually(() => expect(ended).toBe(1));
});

test('a server that is killed in the middle of a stream fails it, and the client says that it may have run', async () => {
  const { server, bytes } = await streamServer();
  let count = 0;
  const reading = (async () => {
    for await (const _ of bytes.give(Buffer.from(String(MESSAGES)), OCTETS)) {
      if (++count === 10) server.kill('SIGKILL');
    }
  })();
  await expect(reading).rejects.toMatchObject({ code: 503, unexecuted: false });
});
