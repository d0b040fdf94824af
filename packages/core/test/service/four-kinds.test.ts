import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { bidiStream, clientStream, defineService, serverStream, unary } from '../../src/rpc/define-service.ts';
import { createWorld, TRANSPORTS } from './world.ts';

const Counter = defineService('Counter', {
  hello: unary({ input: z.object({ name: z.string() }), output: z.object({ msg: z.string() }) }),
  sum: clientStream({ input: z.object({ n: z.number() }), output: z.object({ sum: z.number() }) }),
  count: serverStream({ input: z.object({ to: z.number() }), output: z.object({ n: z.number() }) }),
  double: bidiStream({ input: z.object({ n: z.number() }), output: z.object({ n: z.number() }) }),
});

async function* numbers(to: number): AsyncGenerator<{ n: number }> {
  for (let n = 1; n <= to; n++) yield { n };
}

describe.each(Object.entries(TRANSPORTS))('over the %s', (_, transport) => {
  test('a service that is described by schemas serves all four kinds', async () => {
    await using world = createWorld(transport());
    await world.start({}, ({ server }) =>
      server.handle(Counter, {
        hello: ({ name }) => ({ msg: `Hello ${name}` }),
        async sum(requests) {
          let sum = 0;
          for await (const { n } of requests) sum += n;
          return { sum };
        },
        async *count({ to }) {
          yield* numbers(to);
        },
        async *double(requests) {
          for await (const { n } of requests) yield { n: n * 2 };
        },
      }),
    );
    const counter = world.caller().client.of(Counter, 'greeter');
    expect(await counter.hello({ name: 'John' })).toEqual({ msg: 'Hello John' });
    expect(await counter.sum(numbers(100))).toEqual({ sum: 5_050 });
    const counted: number[] = [];
    for await (const { n } of counter.count({ to: 1_000 })) counted.push(n);
    expect(counted).toEqual(Array.from({ length: 1_000 }, (_unused, index) => index + 1));
    const doubled: number[] = [];
    for await (const { n } of counter.double(numbers(5), { timeoutMs: 5_000 })) doubled.push(n);
    expect(doubled).toEqual([2, 4, 6, 8, 10]);
  });

  test('a plain object of functions is called by name, and its errors arrive as they were thrown', async () => {
    await using world = createWorld(transport());
    await world.start({}, ({ server }) =>
      server.handle('Greeter', {
        hello: async ({ name }: { name: string }) => ({ msg: `Hello ${name}` }),
        async fail() {
          throw new TypeError('no such luck');
        },
      }),
    );
    const { client } = world.caller();
    expect(await client.call({ service: 'greeter', endpoint: 'Greeter.Hello', body: { name: 'Ann' } })).toEqual({
      msg: 'Hello Ann',
    });
    await expect(client.call({ service: 'greeter', endpoint: 'Greeter.Fail' })).rejects.toMatchObject({
      id: 'greeter',
      code: 500,
      detail: 'no such luck',
      status: 'Internal Server Error',
    });
    await expect(client.call({ service: 'greeter', endpoint: 'Greeter.Nope' })).rejects.toMatchObject({
      code: 404,
      detail: expect.stringContaining("can't find method Nope"),
    });
    await expect(client.call({ service: 'nobody', endpoint: 'Greeter.Hello' })).rejects.toMatchObject({ code: 404 });
  });

  test('a stream without a definition is sent and read at the same time', async () => {
    await using world = createWorld(transport());
    await world.start({}, ({ server }) =>
      server.handle(defineService('Echo', { talk: bidiStream<string, string>() }), {
        async *talk(words) {
          for await (const word of words) yield word.toUpperCase();
        },
      }),
    );
    const stream = world.caller().client.stream({ service: 'greeter', endpoint: 'Echo.Talk' });
    const heard = stream[Symbol.asyncIterator]();
    for (const word of ['one', 'two', 'three']) {
      await stream.send(word);
      expect((await heard.next()).value).toBe(word.toUpperCase());
    }
    stream.close();
  });

  test('what does not fit its schema is refused with the field at fault, before the handler runs', async () => {
    await using world = createWorld(transport());
    let ran = 0;
    await world.start({}, ({ server }) =>
      server.handle(
        defineService('Strict', { go: unary({ input: z.object({ age: z.number() }), output: z.unknown() }) }),
        {
          go() {
            ran += 1;
            return {};
          },
        },
      ),
    );
    const { client } = world.caller();
    await expect(
      client.call({ service: 'greeter', endpoint: 'Strict.Go', body: { age: 'old' } }),
    ).rejects.toMatchObject({ code: 400, detail: expect.stringContaining('age') });
    expect(ran).toBe(0);
  });
});
