import type { HandlersOf, Service, ServiceOptions } from '@micro/core';
import { createService, MicroError, memoryRegistry, silentLogger } from '@micro/core';
import { Helloworld } from './gen/helloworld_pb.ts';
import { Plain } from './plain.ts';

/** What our server saw of the calls it served. */
export interface Seen {
  /** How often the `finally` of a stream handler ran. */
  finished: number;
  /** Why the signal of a sleeping call aborted; `undefined` while none did. */
  aborted: unknown;
}

/** A service of ours that serves what the Go program serves. */
export async function startOurService(options: Partial<ServiceOptions> = {}): Promise<{
  readonly service: Service;
  readonly address: string;
  readonly seen: Seen;
}> {
  const seen: Seen = { finished: 0, aborted: undefined };
  const service = createService({
    name: 'helloworld',
    registry: memoryRegistry(),
    logger: silentLogger(),
    handleSignals: false,
    server: { address: '127.0.0.1:0', settleMs: 0, drainMs: 1_000 },
    ...options,
  });
  service.server.handle(Helloworld, helloworld(seen));
  service.server.handle(Plain, plain(seen));
  service.server.handle('Raw', { echo: (body: Uint8Array) => body });
  await service.start();
  return { service, address: service.server.address ?? '', seen };
}

/** A service of ours that only calls, and knows one node of `helloworld` with this metadata in its registry record. */
export function ourCaller(
  address: string,
  metadata: Readonly<Record<string, string>>,
  options: Partial<ServiceOptions> = {},
): Service {
  const node = { id: 'helloworld-go', address, metadata };
  const record = { name: 'helloworld', version: 'latest', metadata: {}, endpoints: [], nodes: [node] };
  return createService({
    name: 'caller',
    registry: memoryRegistry({ services: [record] }),
    logger: silentLogger(),
    handleSignals: false,
    ...options,
  });
}

function helloworld(seen: Seen): HandlersOf<typeof Helloworld> {
  return {
    call: ({ name }) => ({ msg: `Hello ${name}` }),
    async clientStream(requests) {
      let count = 0n;
      for await (const { stroke } of requests) {
        // A Go client cannot say that it has no more and still receive, so it says so with a mark.
        if (stroke === -1n) break;
        count += stroke;
      }
      return { count };
    },
    async *serverStream({ count }) {
      if (count < 0n) throw new MicroError({ id: 'helloworld', code: 400, detail: `count ${count} is below 0` });
      try {
        for (let i = 0n; i < count; i++) yield { count: i };
      } finally {
        seen.finished++;
      }
    },
    async *bidiStream(requests) {
      try {
        for await (const { stroke } of requests) yield { stroke };
      } finally {
        seen.finished++;
      }
    },
  };
}

function plain(seen: Seen): HandlersOf<typeof Plain> {
  return {
    echo: (value) => value,
    struct: (person) => ({ ...person, age: (person.age ?? 0) + 1 }),
    fail({ code = 0, detail = '', id = 'helloworld' }) {
      throw code === 0 ? new Error(detail) : new MicroError({ id, code, detail });
    },
    panic() {
      throw new TypeError('asked to');
    },
    async sleep({ ms, tag = 0 }, ctx) {
      await new Promise<void>((resolve, reject) => {
        const timer = setTimeout(resolve, ms);
        ctx.signal.addEventListener('abort', () => {
          clearTimeout(timer);
          seen.aborted = ctx.signal.reason;
          reject(ctx.signal.reason);
        });
      });
      return { tag, cancelled: false };
    },
    metadata: (_, ctx) => Object.fromEntries(ctx.metadata),
    deadline: (_, ctx) => ({ leftMs: ctx.deadline === undefined ? -1 : Math.round(ctx.timeLeft()) }),
    big: ({ size }) => ({ data: 'x'.repeat(size) }),
    int64Proto: ({ count }) => ({ count }),
    empty: () => ({}),
  };
}
