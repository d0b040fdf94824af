import fc from 'fast-check';
import { expect, test } from 'vitest';
import { eventually } from '../../src/conformance/eventually.ts';
import type { Header } from '../../src/contract/message.ts';
import { defineService, serverStream } from '../../src/rpc/define-service.ts';
import { FLAG, KIND } from '../../src/transport/frame.ts';
import { httpTransport } from '../../src/transport/http-transport.ts';
import { frame, message, rawClient } from '../transport/frame-peer.ts';
import { createWorld } from './world.ts';

const FINE: Header = {
  'Micro-Service': 'greeter',
  'Micro-Endpoint': 'Greeter.Hello',
  'Micro-Method': 'Greeter.Hello',
  'Content-Type': 'application/json',
};

const STRANGE: readonly Header[] = [
  {},
  { ...FINE, 'Content-Type': 'text/\u0001plain\r\nEvil: yes' },
  { ...FINE, 'Content-Type': 'x'.repeat(10_000) },
  { ...FINE, 'Content-Type': 'application/nothing' },
  { ...FINE, 'Micro-Endpoint': '' },
  { ...FINE, 'Micro-Endpoint': '.' },
  { ...FINE, 'Micro-Endpoint': 'a.b.c' },
  { ...FINE, 'Micro-Endpoint': '__proto__.constructor' },
  { ...FINE, 'Micro-Endpoint': 'Greeter.__proto__' },
  { ...FINE, 'Micro-Endpoint': 'Greeter.'.padEnd(60_000, 'x') },
  { ...FINE, Timeout: '-1' },
  { ...FINE, Timeout: '9'.repeat(19) },
  { ...FINE, Timeout: 'soon' },
  { 'Micro-Target': 'x', 'Content-Type': 'application/json' },
  { 'Micro-Target': 'x', 'Content-Type': 'application/protobuf' },
  { 'Micro-Topic': 'news', 'Content-Type': 'application/json' },
  { 'Micro-Topic': '\u0001', 'Content-Type': '\u0001' },
  { ...FINE, 'Micro-Error': 'I am an error' },
];

test('whatever a peer sends as a request is answered or refused, and the service answers others', async () => {
  await using world = createWorld();
  const service = await world.start({}, ({ server }) =>
    server.handle('Greeter', { hello: ({ name }: { name?: string }) => ({ msg: `Hello ${name}` }) }),
  );
  const { client } = world.caller();
  await using peer = await rawClient(service.server.address ?? '');
  let id = 0;
  for (const header of STRANGE) {
    for (const body of [
      '',
      '{}',
      '{"name":"John"}',
      '{"name"',
      '[1]',
      'null',
      '\0\u0001\u0002',
      '{"__proto__":{"x":1}}',
    ]) {
      for (const flags of [0, FLAG.stream]) peer.send(message(KIND.open, ++id, header, Buffer.from(body), flags));
    }
  }
  peer.send(message(KIND.open, ++id, FINE, Buffer.from('{"name":"Ann"}')));
  expect((await peer.frame(KIND.data, id)).payload.toString()).toContain('Hello Ann');
  expect(peer.closed).toBe(false);
  expect(({} as { x?: number }).x).toBeUndefined();
  expect(await client.call({ service: 'greeter', endpoint: 'Greeter.Hello', body: { name: 'John' } })).toEqual({
    msg: 'Hello John',
  });
});

test('headers and bodies of any kind do not end the service', async () => {
  await using world = createWorld();
  const service = await world.start({}, ({ server }) =>
    server.handle('Greeter', { hello: ({ name }: { name?: string }) => ({ msg: `Hello ${name}` }) }),
  );
  // To make it takes a second of computing, and many where the machine is busy: longer than a server waits for somebody
  // who has connected and says nothing.
  const text = fc.string({ unit: 'binary', maxLength: 40 });
  const header = fc.dictionary(
    fc.constantFrom(...Object.keys(FINE), 'Timeout', 'Micro-Topic', 'Micro-Target', 'X'),
    text,
  );
  await using peer = await rawClient(service.server.address ?? '');
  let id = 0;
  await fc.assert(
    fc.asyncProperty(header, fc.uint8Array({ maxLength: 60 }), fc.boolean(), async (fields, body, stream) => {
      peer.send(message(KIND.open, ++id, fields, body, stream ? FLAG.stream : 0));
      peer.send(message(KIND.open, ++id, FINE, Buffer.from('{"name":"Ann"}')));
      expect((await peer.frame(KIND.data, id)).payload.toString()).toContain('Hello Ann');
    }),
    // Each run waits for the network, so a slow machine does fewer of them, and a failure is shown as it was found.
    { numRuns: 100, interruptAfterTimeLimit: 8_000, endOnFailure: true },
  );
}, 60_000);

test('a peer that opens calls and cancels them at once keeps no more handlers busy than one that waits', async () => {
  await using world = createWorld(() => httpTransport({ maxInFlight: 50 }));
  let release = (): void => {};
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  let begun = 0;
  const service = await world.start({}, ({ server }) => {
    server.handle('Greeter', {
      async hello() {
        begun += 1;
        await held;
        return {};
      },
    });
    server.handle(defineService('Talk', { ticks: serverStream<unknown, unknown>() }), {
      async *ticks() {
        begun += 1;
        await held;
        yield {};
      },
    });
  });
  await using peer = await rawClient(service.server.address ?? '');
  let id = 0;
  const ticks = { ...FINE, 'Micro-Endpoint': 'Talk.Ticks', 'Micro-Method': 'Talk.Ticks' };
  for (let count = 0; count < 500; count++) {
    peer.send(message(KIND.open, ++id, FINE, Buffer.from('{}')), frame(KIND.cancel, id));
    peer.send(
      message(KIND.open, ++id, ticks, undefined, FLAG.stream),
      message(KIND.data, id, ticks, Buffer.from('{}')),
    );
    await eventually(() => expect(begun).toBeGreaterThanOrEqual(Math.min(count, 20)));
    peer.send(frame(KIND.cancel, id));
  }
  const refused = await peer.frame(KIND.error, id);
  expect(refused.payload.readUInt16BE(0)).toBe(429);
  expect(begun).toBeLessThanOrEqual(50);
  release();
  // Once they have ended there is room again.
  await eventually(async () => {
    peer.send(message(KIND.open, ++id, FINE, Buffer.from('{}')));
    const mine = id;
    await eventually(() => expect(peer.frames.some((each) => each.id === mine)).toBe(true));
    expect(peer.frames.find((each) => each.id === mine)?.kind).toBe(KIND.data);
  });
});
