import { once } from 'node:events';
import { connect } from 'node:net';
import { status } from '@grpc/grpc-js';
import {
  bidiStream,
  clientStream,
  createService,
  defineService,
  type MicroError,
  memoryRegistry,
  type Service,
  serverStream,
  silentLogger,
} from '@micro/core';
import { eventually } from '@micro/core/conformance';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { grpcTransport } from '../src/index.ts';
import { type GoMessage, goClient, goServer } from './go-peer.ts';
import { caller } from './world.ts';

const JSON_TYPE = 'application/json';

function request(endpoint: string, id: string, body: object, more: Record<string, string> = {}): GoMessage {
  return {
    header: {
      'Content-Type': JSON_TYPE,
      'Micro-Id': id,
      'Micro-Endpoint': endpoint,
      'Micro-Service': 'adder',
      ...more,
    },
    body: JSON.stringify(body),
  };
}

describe("a client that speaks as go-micro's does", () => {
  const runs: string[] = [];
  const slow: number[] = [];
  let service: Service;
  let peer: ReturnType<typeof goClient>;
  beforeAll(async () => {
    service = createService({
      name: 'adder',
      logger: silentLogger(),
      registry: memoryRegistry(),
      transport: grpcTransport(),
      server: { address: '127.0.0.1:0', settleMs: 0 },
    });
    service.server.handle('Adder', {
      add: ({ a, b }: { a: number; b: number }) => {
        runs.push(`${a}+${b}`);
        return { sum: a + b };
      },
    });
    service.server.handle(
      defineService('Echo', {
        all: bidiStream<{ n: number }, { n: number }>(),
        slowly: clientStream<{ n: number }, object>(),
        forever: serverStream<{ n: number }, { text: string }>(),
      }),
      {
        async *forever() {
          try {
            for (;;) yield { text: 'x'.repeat(10_000) };
          } finally {
            runs.push('forever');
          }
        },
        async slowly(values) {
          for await (const { n } of values) {
            slow.push(n);
            // Slower than what follows is read, also where each turn of the event loop takes long.
            await new Promise((resolve) => setTimeout(resolve, 100));
          }
          return {};
        },
        async *all(values) {
          for await (const { n } of values) yield { n };
        },
      },
    );
    await service.start();
    peer = goClient(service.server.address ?? '');
  });
  afterAll(async () => {
    peer.client.close();
    await service.stop();
  });

  test('makes one call after the other on one gRPC stream, each answered under its id', async () => {
    const stream = peer.open();
    for (const id of ['0', '1', '2']) {
      stream.write(request('Adder.Add', id, { a: 1, b: Number(id) }));
      const [{ header, body }] = await once(stream, 'data');
      expect(header['Micro-Id']).toBe(id);
      expect(JSON.parse(body)).toEqual({ sum: 1 + Number(id) });
    }
    stream.write(request('Adder.Subtract', '3', {}));
    const [{ header }] = await once(stream, 'data');
    expect(header).toMatchObject({ 'Micro-Id': '3', 'Micro-Error': expect.stringContaining("can't find method") });
    stream.end();
    await once(stream, 'end');
  });

  test('is answered in turn where it does not wait for its answers', async () => {
    const stream = peer.open();
    for (const id of ['0', '1', '2']) stream.write(request('Adder.Add', id, { a: 2, b: Number(id) }));
    const ids: string[] = [];
    for await (const { header } of stream) {
      ids.push(header['Micro-Id']);
      if (ids.length === 3) stream.end();
    }
    expect(ids).toEqual(['0', '1', '2']);
  });

  test('streams, ends the stream, and gets the end', async () => {
    const stream = peer.open();
    const ids = { 'Micro-Stream': '7' };
    stream.write(request('Echo.All', '7', {}, ids));
    const got: string[] = [];
    const done = (async () => {
      for await (const { header, body } of stream) {
        if (header['Micro-Error'] !== undefined) return header['Micro-Error'];
        got.push(body);
      }
    })();
    for (const n of [1, 2]) stream.write(request('Echo.All', '7', { n }, ids));
    stream.write(request('Echo.All', '7', {}, { ...ids, 'Micro-Error': 'EOS' }));
    expect(await done).toBe('EOS');
    expect(got).toEqual(['{"n":1}', '{"n":2}']);
  });

  test('may close its connection after the end of its stream: the handler still gets all of it', async () => {
    const own = goClient(service.server.address ?? '');
    const stream = own.open();
    stream.on('error', () => {});
    const ids = { 'Micro-Stream': '3' };
    const count = slow.length;
    stream.write(request('Echo.Slowly', '3', {}, ids));
    for (let n = 0; n < 30; n++) stream.write(request('Echo.Slowly', '3', { n }, ids));
    const end = request('Echo.Slowly', '3', {}, { ...ids, 'Micro-Error': 'EOS' });
    await new Promise((resolve) => stream.write(end, resolve));
    // What comes back has gone past all of that, on the same connection: what is cancelled before it got there is lost.
    const other = own.open();
    other.on('error', () => {});
    other.write(request('Adder.Add', '4', { a: 1, b: 1 }));
    await once(other, 'data');
    await eventually(() => expect(slow.length).toBeGreaterThan(count + 2), { timeoutMs: 20_000 });
    stream.cancel();
    own.client.close();
    await eventually(() => expect(slow.length).toBe(count + 30), { timeoutMs: 20_000 });
  });

  test('may close its connection after the end of its stream: a handler that goes on sending is ended', async () => {
    const own = goClient(service.server.address ?? '');
    const stream = own.open();
    stream.on('error', () => {});
    const ids = { 'Micro-Stream': '4' };
    stream.write(request('Echo.Forever', '4', {}, ids));
    stream.write(request('Echo.Forever', '4', { n: 1 }, ids));
    stream.write(request('Echo.Forever', '4', {}, { ...ids, 'Micro-Error': 'EOS' }));
    await once(stream, 'data');
    stream.cancel();
    own.client.close();
    await eventually(() => expect(runs).toContain('forever'));
  });

  test('may name a stream that it is not on, as Go handlers do that forward what they were called with', async () => {
    const stream = peer.open();
    for (const id of ['11', '12']) {
      stream.write(request('Adder.Add', id, { a: 1, b: 1 }, { 'Micro-Stream': '7' }));
      const [{ header, body }] = await once(stream, 'data');
      expect(header['Micro-Id']).toBe(id);
      expect(body).toBe('{"sum":2}');
    }
    stream.end();
  });

  test('is not taken for a new caller by what is still on its way for a stream that has ended', async () => {
    const stream = peer.open();
    const ids = { 'Micro-Stream': '7' };
    stream.write(request('Echo.All', '7', {}, ids));
    stream.write(request('Echo.All', '7', {}, { ...ids, 'Micro-Error': 'EOS' }));
    const [{ header }] = await once(stream, 'data');
    expect(header['Micro-Error']).toBe('EOS');
    stream.write(request('Echo.All', '7', { n: 9 }, ids));
    stream.write(request('Adder.Add', '8', { a: 20, b: 1 }));
    const [next] = await once(stream, 'data');
    expect(next.body).toBe('{"sum":21}');
    stream.end();
  });

  test('is refused where two exchanges are mixed on one gRPC stream', async () => {
    const stream = peer.open();
    stream.write(request('Echo.All', '7', {}, { 'Micro-Stream': '7' }));
    stream.write(request('Adder.Add', '8', { a: 1, b: 1 }));
    const [error] = await once(stream, 'error');
    expect(error.code).toBe(status.INVALID_ARGUMENT);
    expect(error.details).toContain('one at a time');
  });

  test('is refused where it sends what is no message, and others go on', async () => {
    const other = peer.open();
    const raw = peer.client.makeBidiStreamRequest(
      '/go.micro.transport.grpc.Transport/Stream',
      (bytes: Buffer) => bytes,
      (bytes) => bytes,
    );
    raw.write(Buffer.from([0x0a, 0x7f]));
    const [error] = await once(raw, 'error');
    expect(error.code).toBe(status.INVALID_ARGUMENT);
    other.write(request('Adder.Add', '1', { a: 1, b: 1 }));
    expect((await once(other, 'data'))[0].body).toBe('{"sum":2}');
    other.end();
  });

  test('that sends no gRPC at all is answered or dropped, and the others go on', async () => {
    const [host, port] = (service.server.address ?? '').split(':');
    for (const bytes of [
      'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n',
      'PRI * HTTP/2.0\r\n\r\nnonsense',
      '\0\0\0',
    ]) {
      const socket = connect(Number(port), host);
      socket.on('error', () => {});
      socket.resume();
      socket.write(bytes);
      if (bytes.startsWith('\0')) socket.end();
      await once(socket, 'close');
    }
    const stream = peer.open();
    stream.write(request('Adder.Add', '1', { a: 3, b: 1 }));
    expect((await once(stream, 'data'))[0].body).toBe('{"sum":4}');
    stream.end();
  });

  test('learns from a server that drains that its next call was not run', async () => {
    const own = createService({
      name: 'adder',
      logger: silentLogger(),
      registry: memoryRegistry(),
      transport: grpcTransport(),
      server: { address: '127.0.0.1:0', settleMs: 0 },
    });
    await own.start();
    const go = goClient(own.server.address ?? '');
    const stream = go.open();
    stream.write(request('Adder.Missing', '1', {}));
    await once(stream, 'data');
    const over = once(stream, 'error');
    await own.stop();
    const [error] = await over;
    expect(error).toMatchObject({ code: status.UNAVAILABLE, details: expect.stringContaining('draining') });
    go.client.close();
  });
});

describe("a server that speaks as go-micro's does", () => {
  test('sees one gRPC stream for many calls that follow each other, and none once they are old', async () => {
    const server = await goServer(({ header, body }, send) =>
      send({ header: { 'Micro-Id': header['Micro-Id'] ?? '', 'Content-Type': JSON_TYPE }, body }),
    );
    // Longer than a busy machine may pause between two calls.
    const client = caller(grpcTransport({ poolTtlMs: 2_000 }));
    const call = () =>
      client.client.call({ service: 'a', endpoint: 'A.B', body: { n: 1 } }, { address: server.address });
    for (let index = 0; index < 20; index++) expect(await call()).toEqual({ n: 1 });
    expect(server.streams).toBe(1);
    await Promise.all(Array.from({ length: 5 }, call));
    expect(server.streams).toBe(5);
    await eventually(() => expect(server.ended).toBe(5), { timeoutMs: 20_000 });
    expect(await call()).toEqual({ n: 1 });
    expect(server.streams).toBe(6);
    await client.stop();
    await eventually(() => expect(server.ended).toBe(6), { timeoutMs: 20_000 });
    server.close();
  });

  test('gets the fields that go-micro reads, and the time in nanoseconds', async () => {
    const seen: GoMessage[] = [];
    const server = await goServer((message, send) => {
      seen.push(message);
      send({ header: {}, body: '{}' });
    });
    const client = caller(grpcTransport());
    await client.client.call(
      { service: 'greeter', endpoint: 'Greeter.Hello', body: {} },
      { address: server.address, timeoutMs: 1_500, metadata: { Trace: 'grüße' } },
    );
    expect(seen[0]?.header).toMatchObject({
      'Content-Type': JSON_TYPE,
      Accept: JSON_TYPE,
      'Micro-Service': 'greeter',
      'Micro-Method': 'Greeter.Hello',
      'Micro-Endpoint': 'Greeter.Hello',
      'Micro-Id': expect.stringMatching(/^\d+$/),
      Timeout: '1500000000',
      Trace: 'grüße',
    });
    expect(seen[0]?.header['Micro-Stream']).toBeUndefined();
    await client.stop();
    server.close();
  });

  test('is asked whether a stream is over that its client has ended, since it does not say so by itself', async () => {
    const asked: string[] = [];
    const server = await goServer(({ header, body }, send) => {
      const endpoint = header['Micro-Endpoint'] ?? '';
      if (endpoint !== 'Sum.All') {
        // As go-micro's server answers a message for a handler that it does not have.
        asked.push(endpoint);
        send({ header: { 'Micro-Error': `rpc: can't find service ${endpoint.split('.')[0]}` }, body: '' });
      } else if (header['Micro-Error'] === 'EOS') {
        send({ header: { 'Content-Type': JSON_TYPE }, body: '{"n":1}' });
      } else {
        expect(body).toMatch(/^$|n/);
      }
    });
    const client = caller(grpcTransport());
    const stream = client.client.stream({ service: 'sum', endpoint: 'Sum.All' }, { address: server.address });
    await stream.send({ n: 1 });
    await stream.end();
    const got: unknown[] = [];
    for await (const message of stream) got.push(message);
    expect(got).toEqual([{ n: 1 }]);
    // Once where the answer comes at once, and again where it takes its time.
    expect(new Set(asked)).toEqual(new Set(['MicroEndOfStreamProbe.Probe']));
    await client.stop();
    server.close();
  });

  test('that ends a gRPC stream without an answer, or answers with too much, is an error and no wait', async () => {
    const server = await goServer(({ body }, send, stream) => {
      if (body === '{"end":true}') stream.end();
      else send({ header: {}, body: 'x'.repeat(300_000) });
    });
    const client = caller(grpcTransport({ maxMessageBytes: 100_000 }));
    const call = (body: object): Promise<MicroError> =>
      client.client.call({ service: 'a', endpoint: 'A.B', body }, { address: server.address, retries: 0 }).then(
        () => expect.unreachable('it succeeded'),
        (error: MicroError) => error,
      );
    expect(await call({ end: true })).toMatchObject({ code: 503, unexecuted: false });
    expect(await call({})).toMatchObject({ code: 413 });
    await client.stop();
    server.close();
  });

  test('is left with nothing open by a client that closes in the middle of calls', async () => {
    const server = await goServer(() => {});
    const client = caller(grpcTransport());
    const calls = [1, 2].map(() =>
      client.client
        .call({ service: 'a', endpoint: 'A.B', body: {} }, { address: server.address })
        .catch((error: MicroError) => error.code),
    );
    await eventually(() => expect(server.streams).toBe(2));
    await client.stop();
    expect(await Promise.all(calls)).toEqual([499, 499]);
    await eventually(() => expect(server.ended).toBe(2));
    server.close();
  });
});
