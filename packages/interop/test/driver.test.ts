import { describe, expect, inject, test } from 'vitest';
import { startGoClient } from '../src/go-client.ts';
import { startGoServer } from '../src/go-server.ts';

const binary = inject('goBinary');

function alive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

describe.skipIf(binary === '')('Go processes', () => {
  test('a Go client calls a Go server with each kind and content type, and neither survives its close', async () => {
    const server = await startGoServer({ binary });
    const client = await startGoClient({ binary });
    const { address } = server;
    try {
      for (const contentType of ['json', 'protobuf', 'grpc', 'grpc+proto', 'grpc+json'].map(
        (t) => `application/${t}`,
      )) {
        const { replies, errors } = await client.call({
          address,
          endpoint: 'Helloworld.Call',
          contentType,
          body: { name: 'Jo' },
          // A Go server closes the connection after a grpc call, and a pooled Go client stumbles over that.
          fresh: true,
        });
        expect(errors, contentType).toEqual([]);
        expect(replies.map(({ reply }) => reply)).toEqual([{ msg: 'Hello Jo' }]);
      }
      const bodies = [{ stroke: 3 }, { stroke: 4 }, { stroke: -1 }];
      const sum = await client.call({ address, endpoint: 'Helloworld.ClientStream', kind: 'client', bodies });
      expect(sum.replies.map(({ reply }) => reply)).toEqual([{ count: '7' }]);
      const body = { count: 3 };
      const ticks = await client.call({ address, endpoint: 'Helloworld.ServerStream', kind: 'server', body });
      expect(ticks.replies.map(({ reply }) => reply)).toEqual([{ count: '0' }, { count: '1' }, { count: '2' }]);
      expect(ticks.ended).toBe(1);
      const echo = await client.call({ address, endpoint: 'Helloworld.BidiStream', kind: 'bidi', bodies });
      expect(echo.replies.map(({ reply }) => reply)).toEqual([{ stroke: '3' }, { stroke: '4' }, { stroke: '-1' }]);
    } finally {
      await client.close();
      await server.close();
    }
    expect([alive(client.pid), alive(server.pid)]).toEqual([false, false]);
  });

  test('many calls at a time are all answered, each with its own number', async () => {
    const server = await startGoServer({ binary });
    const client = await startGoClient({ binary });
    try {
      const { address } = server;
      const call = { address, endpoint: 'Helloworld.Call', body: { name: '$n' }, count: 1_000, concurrency: 50 };
      const { replies, failed } = await client.call(call);
      expect(failed).toBe(0);
      expect(replies.every(({ n, reply }) => (reply as { msg: string }).msg === `Hello ${n}`)).toBe(true);
      expect(new Set(replies.map(({ n }) => n)).size).toBe(1_000);
    } finally {
      await client.close();
      await server.close();
    }
  });

  test('a server that cannot listen says so instead of hanging', async () => {
    const server = await startGoServer({ binary });
    try {
      await expect(startGoServer({ binary, address: server.address })).rejects.toThrow(/did not start.*in use/s);
    } finally {
      await server.close();
    }
  });
});
