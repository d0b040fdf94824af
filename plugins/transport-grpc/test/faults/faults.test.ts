import { once } from 'node:events';
import { createServer } from 'node:net';
import {
  type CallOptions,
  createService,
  type MicroError,
  memoryRegistry,
  type Service,
  silentLogger,
} from '@micro/core';
import { afterEach, describe, expect, test } from 'vitest';
import { type GrpcProtocol, type GrpcTransportOptions, grpcTransport } from '../../src/index.ts';
import { caller } from '../world.ts';
import { type NodeProcess, runClient, startNode } from './nodes.ts';

const PROTOCOLS: readonly GrpcProtocol[] = ['mucp', 'grpc'];
const opened: (() => unknown)[] = [];

afterEach(async () => {
  for (const close of opened.splice(0).reverse()) await close();
});

async function started(protocol: GrpcProtocol, port?: string): Promise<NodeProcess> {
  const node = await startNode(protocol, port);
  opened.push(() => node.kill());
  return node;
}

/** A client that has found the node in a registry. */
function clientOf({ services }: NodeProcess, options?: GrpcTransportOptions): Service {
  const service = caller(grpcTransport(options), memoryRegistry({ services }));
  opened.push(() => service.stop());
  return service;
}

function call(from: Service, endpoint: string, options: CallOptions = {}): Promise<unknown> {
  return from.client.call({ service: 'node', endpoint, body: {} }, { retries: 0, ...options });
}

async function failure(promise: Promise<unknown>): Promise<MicroError> {
  return promise.then(
    () => expect.unreachable('the call succeeded'),
    (error: MicroError) => error,
  );
}

describe.each(PROTOCOLS)('a server that speaks %s', { timeout: 90_000 }, (protocol) => {
  test('ends its calls when it is killed, and its successor on the same port is called at once', async () => {
    const node = await started(protocol);
    const from = clientOf(node);
    expect(await call(from, 'Node.Pid')).toEqual({ pid: node.pid });
    const hanging = failure(call(from, 'Node.Hang', { timeoutMs: 20_000 }));
    // One that comes back has gone past the other, on the same connection.
    await call(from, 'Node.Pid');
    await node.kill();
    const killed = performance.now();
    expect(await hanging).toMatchObject({ code: 503, unexecuted: false });
    expect(performance.now() - killed).toBeLessThan(5_000);
    const next = await started(protocol, node.port);
    await expect
      .poll(() => call(from, 'Node.Pid').catch(() => undefined), { timeout: 10_000 })
      .toEqual({ pid: next.pid });
  });

  test('ends streams and calls without a deadline when it stands still, and is called again when it goes on', async () => {
    const node = await started(protocol);
    const from = clientOf(node, { keepaliveMs: 500, keepaliveTimeoutMs: 3_000 });
    expect(await call(from, 'Node.Pid')).toEqual({ pid: node.pid });
    const hanging = failure(call(from, 'Node.Hang', { timeoutMs: 0 }));
    await call(from, 'Node.Pid');
    node.freeze();
    const frozen = performance.now();
    expect(await hanging).toMatchObject({ code: 503, unexecuted: false });
    expect(performance.now() - frozen).toBeLessThan(15_000);
    expect(await failure(call(from, 'Node.Pid', { timeoutMs: 500 }))).toMatchObject({
      code: expect.toBeOneOf([408, 503]),
    });
    node.thaw();
    await expect
      .poll(() => call(from, 'Node.Pid', { timeoutMs: 1_000 }).catch(() => undefined), { timeout: 15_000 })
      .toEqual({ pid: node.pid });
  });

  test('is no reason for a process that called it to stay', async () => {
    const node = await started(protocol);
    const [stopped, left] = await Promise.all([runClient(node, 'stop'), runClient(node, 'leave')]);
    // What holds a process holds it for a minute at the least.
    expect(stopped).toBeLessThan(15_000);
    // Idle gRPC streams are ended after a second.
    expect(left).toBeLessThan(20_000);
  });

  test('restarts one node at a time under load, and no call is lost', async () => {
    const registry = memoryRegistry();
    const start = async (id: string): Promise<Service> => {
      const service = createService({
        name: 'node',
        id,
        registry,
        logger: silentLogger(),
        transport: grpcTransport({ protocol }),
        server: { address: '127.0.0.1:0', settleMs: 20 },
      });
      service.server.handle('Node', {
        async work({ n }: { n: number }) {
          await new Promise((resolve) => setTimeout(resolve, n % 20));
          return { n, id };
        },
      });
      await service.start();
      return service;
    };
    const nodes = await Promise.all(['a', 'b', 'c'].map(start));
    opened.push(() => Promise.all(nodes.map((node) => node.stop())));
    const from = caller(grpcTransport(), registry);
    opened.push(() => from.stop());
    let isOver = false;
    let calls = 0;
    const worker = async (first: number): Promise<void> => {
      for (let n = first; !isOver; n += 1) {
        const answer = await from.client.call(
          { service: 'node', endpoint: 'Node.Work', body: { n } },
          { timeoutMs: 20_000 },
        );
        expect(answer).toMatchObject({ n });
        calls += 1;
      }
    };
    const workers = Promise.all(Array.from({ length: 20 }, (_, index) => worker(index * 1_000)));
    workers.catch(() => {
      isOver = true;
    });
    for (let round = 0; round < 2; round++) {
      for (const [index, id] of ['a', 'b', 'c'].entries()) {
        await nodes[index]?.stop();
        nodes[index] = await start(`${id}${round}`);
        const before = calls;
        await expect.poll(() => calls > before + 50 || isOver, { timeout: 15_000 }).toBe(true);
      }
    }
    isOver = true;
    await workers;
    expect(calls).toBeGreaterThan(300);
  });
});

test.each(PROTOCOLS)(
  'a peer that takes the connection and says nothing is given up as not connected (%s)',
  async (protocol) => {
    const silent = createServer((socket) => {
      socket.on('error', () => {});
      opened.push(() => socket.destroy());
    }).listen(0, '127.0.0.1');
    opened.push(() => silent.close());
    await once(silent, 'listening');
    const bound = silent.address();
    const port = typeof bound === 'object' ? bound?.port : 0;
    const from = caller(grpcTransport({ protocol }));
    opened.push(() => from.stop());
    const error = await failure(
      from.client.call(
        { service: 'a', endpoint: 'A.B', body: new Uint8Array() },
        { address: `127.0.0.1:${port}`, connectTimeoutMs: 300, retries: 0, contentType: 'application/octet-stream' },
      ),
    );
    expect(error).toMatchObject({ code: 503, unexecuted: true });
    expect(error.detail).toContain('no connection in time');
  },
);
