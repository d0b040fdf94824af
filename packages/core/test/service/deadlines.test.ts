import { describe, expect, test } from 'vitest';
import { eventually } from '../../src/conformance/eventually.ts';
import type { CallOptions, Context } from '../../src/contract/context.ts';
import type { Message } from '../../src/contract/message.ts';
import type { Transport } from '../../src/contract/transport.ts';
import { MicroError } from '../../src/error/micro-error.ts';
import { bidiStream, clientStream, defineService, serverStream, unary } from '../../src/rpc/define-service.ts';
import { httpTransport } from '../../src/transport/http-transport.ts';
import { createWorld, TRANSPORTS } from './world.ts';

interface Seen {
  readonly left: number | null;
}

const Time = defineService('Time', {
  left: unary<unknown, Seen>(),
  hang: unary<unknown, unknown>(),
  ticks: serverStream<unknown, Seen>(),
  swallow: clientStream<unknown, Seen>(),
  talk: bidiStream<unknown, Seen>(),
});

/** JSON knows no infinity. */
function left(ctx: Context): Seen {
  return { left: Number.isFinite(ctx.timeLeft()) ? ctx.timeLeft() : null };
}

/** Handlers that say how long they have, and one that waits for its signal. */
function timeHandlers(aborted: Error[] = [], begun: string[] = []) {
  return {
    left: (_: unknown, ctx: Context) => left(ctx),
    async hang(_: unknown, ctx: Context) {
      begun.push(ctx.endpoint);
      await new Promise<void>((resolve) => ctx.signal.addEventListener('abort', () => resolve(), { once: true }));
      aborted.push(ctx.signal.reason as Error);
      // Nobody should get this, so it is long after everybody has stopped waiting.
      await new Promise((resolve) => setTimeout(resolve, 200));
      return {};
    },
    async *ticks(_: unknown, ctx: Context) {
      begun.push(ctx.endpoint);
      yield left(ctx);
      await new Promise<void>((resolve) => ctx.signal.addEventListener('abort', () => resolve(), { once: true }));
      aborted.push(ctx.signal.reason as Error);
      await new Promise((resolve) => setTimeout(resolve, 200));
    },
    swallow: async (_: unknown, ctx: Context) => left(ctx),
    async *talk(_: unknown, ctx: Context) {
      yield left(ctx);
    },
  };
}

describe.each(Object.entries(TRANSPORTS))('over the %s', (_, transports) => {
  test('a call has five seconds, or what it says, or no limit with 0; a stream has none unless it says so', async () => {
    await using world = createWorld(transports());
    await world.start({}, ({ server }) => server.handle(Time, timeHandlers()));
    const time = world.caller().client.of(Time, 'greeter');
    const leftOf = async (options?: CallOptions): Promise<number | null> => (await time.left({}, options)).left;
    expect(await leftOf()).toSatisfy(between(1_000, 5_000));
    expect(await leftOf({ timeoutMs: 60_000 })).toSatisfy(between(50_000, 60_000));
    expect(await leftOf({ timeoutMs: 0 })).toBeNull();
    expect(await leftOf({ deadline: Date.now() + 3_000 })).toSatisfy(between(100, 3_050));
    expect(await leftOf({ timeoutMs: 60_000, deadline: Date.now() + 3_000 })).toSatisfy(between(100, 3_050));
    expect(await leftOf({ timeoutMs: 3_000, deadline: Date.now() + 60_000 })).toSatisfy(between(100, 3_050));
    expect((await time.swallow([{}])).left).toSatisfy(between(1_000, 5_000));
    for (const timeoutMs of [undefined, 30_000]) {
      const expected = timeoutMs === undefined ? (value: unknown) => value === null : between(20_000, 30_000);
      for await (const seen of time.talk([{}], { timeoutMs })) expect(seen.left).toSatisfy(expected);
      for await (const seen of time.ticks({}, { timeoutMs })) {
        expect(seen.left).toSatisfy(expected);
        break;
      }
    }
    const patient = world.caller({ client: { timeoutMs: 0, streamTimeoutMs: 20_000 } }).client.of(Time, 'greeter');
    expect((await patient.left({})).left).toBeNull();
    for await (const seen of patient.talk([{}])) expect(seen.left).toSatisfy(between(10_000, 20_000));
  });

  test('a call that takes too long says where the time went, and the handler hears of it', async () => {
    await using world = createWorld(transports());
    const aborted: Error[] = [];
    const service = await world.start({ id: '1' }, ({ server }) => server.handle(Time, timeHandlers(aborted)));
    const time = world.caller().client.of(Time, 'greeter');
    // What takes long the first time is done, so that the time goes where the error says.
    await time.left({});
    await expect(time.hang({}, { timeoutMs: 1_000 })).rejects.toMatchObject({
      code: 408,
      unexecuted: false,
      detail: expect.stringMatching(
        new RegExp(
          String.raw`^call timeout: greeter Time\.Hang took \d{3,5} ms of 1000 ms, in phase wait at greeter-1 \(${service.server.address}\), attempt 1$`,
        ),
      ),
    });
    await eventually(() => expect(aborted).toHaveLength(1));
    // Whichever comes first: the server's own clock, or the news that the caller, or its connection, is gone.
    expect([408, 499, 503]).toContain((aborted[0] as MicroError).code);

    const read = (async () => {
      for await (const __ of time.ticks({}, { timeoutMs: 1_000 }));
    })();
    await expect(read).rejects.toMatchObject({ code: 408, detail: expect.stringContaining('greeter Time.Ticks took') });
    await eventually(() => expect(aborted).toHaveLength(2));
  });

  test('a handler hears of it when its caller cancels, and when its caller is lost', async () => {
    await using world = createWorld(transports());
    const aborted: Error[] = [];
    const begun: string[] = [];
    await world.start({}, ({ server }) => server.handle(Time, timeHandlers(aborted, begun)));
    const caller = world.caller();
    const time = caller.client.of(Time, 'greeter');
    const controller = new AbortController();
    const call = time.hang({}, { timeoutMs: 0, signal: controller.signal });
    await eventually(() => expect(begun).toHaveLength(1));
    controller.abort(new Error('not needed any more'));
    await expect(call).rejects.toMatchObject({ code: 499, cause: { message: 'not needed any more' } });
    await eventually(() => expect(aborted).toHaveLength(1));

    const lost = time.hang({}, { timeoutMs: 0 }).catch((error: unknown) => error);
    const read = (async () => {
      for await (const __ of time.ticks({}));
    })().catch((error: unknown) => error);
    await eventually(() => expect(begun).toHaveLength(3));
    await caller.client.close();
    expect(await lost).toBeInstanceOf(MicroError);
    expect(await read).toBeInstanceOf(MicroError);
    await eventually(() => expect(aborted).toHaveLength(3));
  });

  test('a call that was cancelled before it began is not sent', async () => {
    await using world = createWorld(transports());
    const begun: string[] = [];
    await world.start({}, ({ server }) => server.handle(Time, timeHandlers([], begun)));
    const time = world.caller().client.of(Time, 'greeter');
    const signal = AbortSignal.abort(new Error('never mind'));
    await expect(time.hang({}, { signal })).rejects.toMatchObject({ code: 499, cause: { message: 'never mind' } });
    await expect(time.swallow([{}], { signal })).rejects.toMatchObject({ code: 499 });
    await expect(time.ticks({}, { signal })[Symbol.asyncIterator]().next()).rejects.toMatchObject({ code: 499 });
    await time.left({});
    expect(begun).toEqual([]);
  });

  test('the time that is left is handed on through two hops and shrinks on the way', async () => {
    await using world = createWorld(transports());
    const hop = (name: string, next: string | undefined, pass: (ctx: Context) => CallOptions | Context) =>
      world.start({ name }, ({ server, client }) =>
        server.handle('Hop', {
          async go(__: unknown, ctx: Context): Promise<unknown> {
            await new Promise((resolve) => setTimeout(resolve, 50));
            const mine = { left: left(ctx).left, trace: ctx.metadata.get('trace') };
            if (next === undefined) return [mine];
            const rest = await client.call({ service: next, endpoint: 'Hop.Go' }, pass(ctx));
            return [mine, ...(rest as unknown[])];
          },
        }),
      );
    await hop('first', 'second', (ctx) => ctx);
    await hop('second', 'third', (ctx) => ctx.forward());
    await hop('third', undefined, (ctx) => ctx);
    const { client } = world.caller();
    const options = { timeoutMs: 20_000, metadata: { trace: 'abc' } };
    const hops = (await client.call({ service: 'first', endpoint: 'Hop.Go' }, options)) as {
      left: number;
      trace: string;
    }[];
    expect(hops.map(({ trace }) => trace)).toEqual(['abc', 'abc', 'abc']);
    const lefts = hops.map((each) => each.left);
    expect(lefts).toHaveLength(3);
    // Each hop takes its 50 ms; a timer may be a millisecond early.
    for (const [index, each] of lefts.entries()) {
      expect(each).toBeLessThanOrEqual(20_000 - 49 * (index + 1) + 1);
      expect(each).toBeGreaterThan(5_000);
    }
    // The callee's own limit holds where it is the shorter one.
    await hop('impatient', 'third', (ctx) => ({ ...ctx.forward(), timeoutMs: 2_000 }));
    const two = (await client.call({ service: 'impatient', endpoint: 'Hop.Go' }, options)) as { left: number }[];
    expect(two[0]?.left).toBeGreaterThan(5_000);
    expect(two[1]?.left).toBeLessThanOrEqual(2_000);
  });

  test('a caller that gives up ends the whole chain of calls', async () => {
    await using world = createWorld(transports());
    const aborted: Error[] = [];
    const begun: string[] = [];
    await world.start({ name: 'last' }, ({ server }) => server.handle(Time, timeHandlers(aborted, begun)));
    let outcome: unknown;
    await world.start({ name: 'middle' }, ({ server, client }) => {
      const time = client.of(Time, 'last');
      server.handle('Middle', {
        async go(__: unknown, ctx: Context) {
          outcome = await time.hang({}, ctx).catch((error: unknown) => error);
          throw outcome;
        },
      });
    });
    const controller = new AbortController();
    const call = world
      .caller()
      .client.call({ service: 'middle', endpoint: 'Middle.Go' }, { signal: controller.signal, timeoutMs: 15_000 });
    await eventually(() => expect(begun).toEqual(['Time.Hang']));
    controller.abort();
    await expect(call).rejects.toMatchObject({ code: 499 });
    await eventually(() => expect(aborted).toHaveLength(1));
    await eventually(() => expect(outcome).toMatchObject({ code: 499 }));
  });
});

/** The http transport, with what its server receives on its way. */
function watched(seen: Message[], change: (message: Message) => Message = (message) => message): Transport {
  const inner = httpTransport();
  return {
    ...inner,
    listen: (address, accept, options) =>
      inner.listen(
        address,
        (socket) => {
          const receive = socket.receive.bind(socket);
          socket.receive = () => {
            const message = receive();
            const look = (each: Message | undefined): Message | undefined => {
              if (each === undefined) return each;
              seen.push(each);
              return change(each);
            };
            return message instanceof Promise ? message.then(look) : look(message);
          };
          accept(socket);
        },
        options,
      ),
  };
}

test('the time travels in nanoseconds, and a call without a limit says nothing of it', async () => {
  await using world = createWorld();
  const seen: Message[] = [];
  await world.start({ transport: watched(seen) }, ({ server }) => server.handle(Time, timeHandlers()));
  const time = world.caller().client.of(Time, 'greeter');
  await time.left({});
  await time.left({}, { timeoutMs: 250 });
  await time.left({}, { timeoutMs: 0 });
  await time.left({}, { deadline: Date.now() + 2_000, timeoutMs: 0 });
  const timeouts = seen.map(({ header, extra }) => extra?.Timeout ?? header.Timeout);
  expect(timeouts.slice(0, 3)).toEqual(['5000000000', '250000000', undefined]);
  expect(timeouts[3]).toMatch(/^\d{9,10}$/);
  expect(Number(timeouts[3])).toBeLessThanOrEqual(2_010_000_000);
});

test('a request whose time is over when it arrives is answered with 408 and not run', async () => {
  await using world = createWorld();
  const late = (message: Message): Message => ({ ...message, extra: { ...message.extra, Timeout: '0' } });
  let ran = 0;
  await world.start({ transport: watched([], late) }, ({ server }) =>
    server.handle('Late', {
      run() {
        ran += 1;
      },
    }),
  );
  const { client } = world.caller();
  await expect(client.call({ service: 'greeter', endpoint: 'Late.Run' })).rejects.toMatchObject({
    code: 408,
    detail: expect.stringContaining('was not run'),
  });
  expect(ran).toBe(0);
});

test('a call that waits for its registry, or for its connection, says so when its time is over', async () => {
  await using world = createWorld();
  const registry = { ...world.registry, getService: () => new Promise<never>(() => {}) };
  await expect(
    world.caller({ registry }).client.call({ service: 'greeter', endpoint: 'A.B' }, { timeoutMs: 100 }),
  ).rejects.toMatchObject({ code: 408, detail: expect.stringContaining('in phase select, attempt 1') });
});

function between(least: number, most: number): (value: unknown) => boolean {
  return (value) => typeof value === 'number' && value >= least && value <= most;
}
