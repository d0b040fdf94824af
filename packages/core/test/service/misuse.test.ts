import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { eventually } from '../../src/conformance/eventually.ts';
import type { CallOptions } from '../../src/contract/context.ts';
import type { Middleware } from '../../src/contract/middleware.ts';
import { CODE } from '../../src/error/code.ts';
import { MicroError } from '../../src/error/micro-error.ts';
import { bidiStream, clientStream, defineService, serverStream, unary } from '../../src/rpc/define-service.ts';
import { createWorld, TRANSPORTS } from './world.ts';

interface Numbered {
  readonly n: number;
}

const Numbers = defineService('Numbers', {
  one: unary<Numbered, Numbered>(),
  sum: clientStream<Numbered, Numbered>(),
  upTo: serverStream<Numbered, Numbered>(),
  echo: bidiStream<Numbered, Numbered>(),
});

const numbers = {
  one: ({ n }: Numbered) => ({ n }),
  async sum(requests: AsyncIterable<Numbered>) {
    let n = 0;
    for await (const each of requests) n += each.n;
    return { n };
  },
  async *upTo(request: Numbered) {
    for (let n = 1; n <= request.n; n++) yield { n };
  },
  async *echo(requests: AsyncIterable<Numbered>) {
    yield* requests;
  },
};

/** The middleware that everybody writes first. */
function timing(seen: string[]): Middleware {
  return (next) => async (request, ctx) => {
    try {
      return await next(request, ctx);
    } finally {
      seen.push(request.kind);
    }
  };
}

async function all(replies: AsyncIterable<Numbered>): Promise<readonly number[]> {
  const got: number[] = [];
  for await (const { n } of replies) got.push(n);
  return got;
}

describe.each(Object.entries(TRANSPORTS))('over the %s', (_, transports) => {
  test('async middleware on both sides leaves each kind of endpoint what it is', async () => {
    await using world = createWorld(transports());
    const served: string[] = [];
    const called: string[] = [];
    await world.start({ server: { middleware: [timing(served)] } }, ({ server }) => server.handle(Numbers, numbers));
    const { client } = world.caller({ client: { middleware: [timing(called)] } });
    const of = client.of(Numbers, 'greeter');
    expect(await of.one({ n: 7 })).toEqual({ n: 7 });
    expect(await of.sum([{ n: 1 }, { n: 2 }])).toEqual({ n: 3 });
    expect(await all(of.upTo({ n: 3 }))).toEqual([1, 2, 3]);
    expect(await all(of.echo([{ n: 4 }, { n: 5 }]))).toEqual([4, 5]);
    const stream = client.stream({ service: 'greeter', endpoint: 'Numbers.Echo' });
    await stream.send({ n: 6 });
    await stream.end();
    expect(await all(stream as AsyncIterable<Numbered>)).toEqual([6]);
    const kinds = ['unary', 'clientStream', 'serverStream', 'bidiStream', 'bidiStream'];
    expect(called).toEqual(kinds);
    expect(served).toEqual(kinds);
  });

  test('a stream behind async middleware that is left early ends at the server', async () => {
    await using world = createWorld(transports());
    let ended = 0;
    await world.start({}, ({ server }) =>
      server.handle(Numbers, {
        ...numbers,
        async *upTo() {
          try {
            for (let n = 1; ; n++) yield { n };
          } finally {
            ended += 1;
          }
        },
      }),
    );
    const { client } = world.caller({ client: { middleware: [timing([])] } });
    for await (const { n } of client.of(Numbers, 'greeter').upTo({ n: 0 })) if (n === 3) break;
    await eventually(() => expect(ended).toBe(1));
  });

  test('what async middleware throws reaches whoever reads the stream, and nobody when nobody does', async () => {
    await using world = createWorld(transports());
    await world.start({}, ({ server }) => server.handle(Numbers, numbers));
    const refusing: Middleware = () => async () => {
      throw new MicroError({ code: CODE.forbidden, detail: 'not today' });
    };
    const of = world.caller({ client: { middleware: [refusing] } }).client.of(Numbers, 'greeter');
    of.upTo({ n: 1 });
    await expect(all(of.upTo({ n: 1 }))).rejects.toMatchObject({ code: 403, detail: 'not today' });
  });

  test('a server stream that is called as one message is told so, long before the call times out', async () => {
    await using world = createWorld(transports());
    await world.start({}, ({ server }) => server.handle(Numbers, numbers));
    const call = world
      .caller()
      .client.call({ service: 'greeter', endpoint: 'Numbers.UpTo', body: { n: 1 } }, { timeoutMs: 60_000 });
    await expect(call).rejects.toMatchObject({ code: 400, detail: expect.stringContaining('Numbers.UpTo') });
  });

  test('an answer that its validator refuses is a 500 that names the endpoint, not a bad request', async () => {
    await using world = createWorld(transports());
    const output = z.object({ id: z.string() });
    const late = output.refine(async () => true);
    const Users = defineService('Users', {
      get: unary({ output }),
      getLate: unary({ output: late }),
      list: serverStream({ output }),
    });
    const wrong = { id: 7 } as never;
    await world.start({}, ({ server }) =>
      server.handle(Users, { get: () => wrong, getLate: () => wrong, list: () => [wrong] }),
    );
    const users = world.caller().client.of(Users, 'greeter');
    const refused = (method: string) => ({
      id: 'go.micro.client',
      code: 500,
      detail: expect.stringMatching(new RegExp(`^greeter Users\\.${method} answered .* id: `)),
    });
    await expect(users.get({})).rejects.toMatchObject(refused('Get'));
    await expect(users.getLate({})).rejects.toMatchObject(refused('GetLate'));
    await expect(all(users.list({}) as AsyncIterable<never>)).rejects.toMatchObject(refused('List'));
  });
});

test('a timeout and a deadline that are no time are refused instead of meaning for ever', async () => {
  await using world = createWorld();
  await world.start({}, ({ server }) => server.handle(Numbers, numbers));
  const of = world.caller().client.of(Numbers, 'greeter');
  const wrong: unknown[] = [Number.NaN, -1, Number.POSITIVE_INFINITY, '200'];
  for (const value of wrong) {
    for (const name of ['timeoutMs', 'deadline']) {
      const options = { [name]: value } as CallOptions;
      const refused = { code: 400, detail: expect.stringMatching(`^${name} is `) };
      await expect(of.one({ n: 1 }, options), `${name} ${String(value)}`).rejects.toMatchObject(refused);
    }
  }
  const { client } = world.caller({ client: { timeoutMs: Number.NaN } });
  await expect(client.of(Numbers, 'greeter').one({ n: 1 })).rejects.toMatchObject({ code: 400 });
  expect(await of.one({ n: 1 }, { timeoutMs: 0 })).toEqual({ n: 1 });
});

test('a limit of many days is kept, and aborts no signal at once', async () => {
  await using world = createWorld();
  const signals: AbortSignal[] = [];
  const reading: Middleware = (next) => (request, ctx) => {
    signals.push(ctx.signal);
    return next(request, ctx);
  };
  await world.start({ server: { middleware: [reading] } }, ({ server }) => server.handle(Numbers, numbers));
  const of = world.caller({ client: { middleware: [reading] } }).client.of(Numbers, 'greeter');
  const day = 24 * 60 * 60 * 1_000;
  for (const timeoutMs of [30 * day, 60 * day, 4_000 * day]) {
    expect(await of.one({ n: 1 }, { timeoutMs })).toEqual({ n: 1 });
  }
  expect(signals).toHaveLength(6);
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect(signals.map(({ aborted }) => aborted)).not.toContain(true);
});
