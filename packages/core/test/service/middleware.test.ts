import { describe, expect, test } from 'vitest';
import { eventually } from '../../src/conformance/eventually.ts';
import type { Context } from '../../src/contract/context.ts';
import type { Middleware } from '../../src/contract/middleware.ts';
import { CODE, REFUSED } from '../../src/error/code.ts';
import { MicroError } from '../../src/error/micro-error.ts';
import { defineService, serverStream, unary } from '../../src/rpc/define-service.ts';
import { httpTransport } from '../../src/transport/http-transport.ts';
import { recordingLogger } from './recording-logger.ts';
import { createWorld, TRANSPORTS } from './world.ts';

const Greeter = defineService('Greeter', {
  hello: unary<{ name: string }, { msg: string }>(),
  names: serverStream<{ count: number }, { name: string }>(),
});

function noting(events: string[], name: string): Middleware {
  return (next) => async (request, ctx) => {
    events.push(`${name} before ${request.endpoint}`);
    try {
      return await next(request, ctx);
    } finally {
      events.push(`${name} after`);
    }
  };
}

describe.each(Object.entries(TRANSPORTS))('over the %s', (_, transports) => {
  test('middleware runs on both sides, the first one outermost', async () => {
    const events: string[] = [];
    await using world = createWorld(transports());
    await world.start(
      { server: { middleware: [noting(events, 'server 1'), noting(events, 'server 2')] } },
      ({ server }) =>
        server.handle(Greeter, {
          hello({ name }) {
            events.push('handler');
            return { msg: `Hello ${name}` };
          },
          async *names() {},
        }),
    );
    const { client } = world.caller({
      client: { middleware: [noting(events, 'client 1'), noting(events, 'client 2')] },
    });
    expect(await client.of(Greeter, 'greeter').hello({ name: 'John' })).toEqual({ msg: 'Hello John' });
    expect(events).toEqual([
      'client 1 before Greeter.Hello',
      'client 2 before Greeter.Hello',
      'server 1 before Greeter.Hello',
      'server 2 before Greeter.Hello',
      'handler',
      'server 2 after',
      'server 1 after',
      'client 2 after',
      'client 1 after',
    ]);
  });

  test('middleware changes requests, answers, streams and metadata, and answers in place of the handler', async () => {
    await using world = createWorld(transports());
    const shout: Middleware = (next) => async (request, ctx) => {
      if (request.kind !== 'unary') return next(request, ctx);
      const { name } = request.body as { name: string };
      if (name === 'nobody') return { msg: 'not even called' };
      if (name === 'intruder') throw new MicroError({ code: CODE.forbidden, detail: 'you may not' });
      const answer = (await next({ ...request, body: { name: name.toUpperCase() } }, ctx)) as { msg: string };
      return { msg: `${answer.msg}!` };
    };
    const twice: Middleware = (next) => (request, ctx) => {
      const answer = next(request, ctx);
      if (request.kind !== 'serverStream') return answer;
      return (async function* () {
        for await (const each of answer as AsyncIterable<{ name: string }>) yield { name: each.name.repeat(2) };
      })();
    };
    const tagging: Middleware = (next) => (request, ctx) => {
      ctx.metadata.set('tag', 'from the client');
      return next(request, ctx);
    };
    let ran = 0;
    await world.start({ server: { middleware: [shout, twice] } }, ({ server }) =>
      server.handle(Greeter, {
        hello({ name }, ctx) {
          ran += 1;
          return { msg: `Hello ${name}, ${ctx.metadata.get('Tag')}` };
        },
        async *names({ count }) {
          for (let index = 0; index < count; index++) yield { name: `n${index}` };
        },
      }),
    );
    const greeter = world.caller({ client: { middleware: [tagging] } }).client.of(Greeter, 'greeter');
    expect(await greeter.hello({ name: 'John' })).toEqual({ msg: 'Hello JOHN, from the client!' });
    expect(await greeter.hello({ name: 'nobody' })).toEqual({ msg: 'not even called' });
    await expect(greeter.hello({ name: 'intruder' })).rejects.toMatchObject({ code: 403, detail: 'you may not' });
    expect(ran).toBe(1);
    const names: string[] = [];
    for await (const { name } of greeter.names({ count: 2 })) names.push(name);
    expect(names).toEqual(['n0n0', 'n1n1']);
  });

  test('metadata is found whatever its case, and carries any language', async () => {
    await using world = createWorld(transports());
    let seen: Record<string, string> = {};
    await world.start({}, ({ server }) =>
      server.handle('Meta', {
        look(__: unknown, ctx: Context) {
          seen = Object.fromEntries(ctx.metadata);
          return { trace: ctx.metadata.get('TRACE-id'), has: ctx.metadata.has('greeting') };
        },
      }),
    );
    const { client } = world.caller();
    const metadata = { 'trace-ID': 'abc', Greeting: 'grüße, 世界, مرحبا 👋', tabbed: 'a\tb', empty: '' };
    const answer = await client.call({ service: 'greeter', endpoint: 'Meta.Look' }, { metadata });
    expect(answer).toEqual({ trace: 'abc', has: true });
    expect(seen).toMatchObject({ 'Trace-Id': 'abc', Greeting: 'grüße, 世界, مرحبا 👋', Tabbed: 'a\tb' });
    // Nothing of the protocol's own is among it, and one caller's is not seen by the next.
    expect(Object.keys(seen).filter((name) => /^(Micro-|Content-|Timeout|Accept|Host)/.test(name))).toEqual([]);
    await client.call({ service: 'greeter', endpoint: 'Meta.Look' });
    expect(seen).toEqual({});
  });

  test('metadata that would forge a header, or the protocol, is refused before anything is sent', async () => {
    await using world = createWorld(transports());
    let ran = 0;
    await world.start({}, ({ server }) => server.handle('Meta', { look: () => void ran++ }));
    const { client } = world.caller();
    for (const metadata of [
      { evil: 'x\r\nMicro-Error: gone' },
      { evil: 'x\nAuthorization: Bearer stolen' },
      { evil: 'x\0' },
      { 'evil\r\nMicro-Error': 'x' },
      { 'two words': 'x' },
      { '': 'x' },
      { 'Micro-Service': 'other' },
      { 'micro-endpoint': 'Other.Thing' },
      { 'Micro-Error': 'x' },
      { timeout: '1' },
      { 'CONTENT-TYPE': 'text/plain' },
      { 'content-length': '0' },
      { 'Transfer-Encoding': 'chunked' },
      { connection: 'close' },
      { host: 'example.com' },
    ]) {
      await expect(
        client.call({ service: 'greeter', endpoint: 'Meta.Look' }, { metadata }),
        JSON.stringify(metadata),
      ).rejects.toMatchObject({ code: 400, detail: expect.stringContaining('metadata') });
    }
    for (const request of [
      { service: 'greeter', endpoint: 'Meta.Look\r\nMicro-Error: x' },
      { service: 'gree\nter', endpoint: 'Meta.Look' },
    ]) {
      await expect(client.call(request)).rejects.toMatchObject({
        code: expect.toSatisfy((code) => code === 400 || code === 404),
      });
    }
    expect(ran).toBe(0);
    // One refused call takes nothing along: the connection serves the next.
    await client.call({ service: 'greeter', endpoint: 'Meta.Look' });
    expect(ran).toBe(1);
  });

  test('what proves who called is not handed on with the rest', async () => {
    await using world = createWorld(transports());
    let last: Record<string, string> = {};
    await world.start({ name: 'last' }, ({ server }) =>
      server.handle('Last', {
        go(__: unknown, ctx: Context) {
          last = Object.fromEntries(ctx.metadata);
        },
      }),
    );
    let first: Record<string, string> = {};
    await world.start({ name: 'middle' }, ({ server, client }) =>
      server.handle('Middle', {
        async go(__: unknown, ctx: Context) {
          first = Object.fromEntries(ctx.metadata);
          return client.call({ service: 'last', endpoint: 'Last.Go' }, ctx);
        },
      }),
    );
    const metadata = { authorization: 'Bearer secret', cookie: 'id=secret', 'trace-id': 'abc' };
    await world.caller().client.call({ service: 'middle', endpoint: 'Middle.Go' }, { metadata });
    expect(first).toMatchObject({ Authorization: 'Bearer secret', Cookie: 'id=secret', 'Trace-Id': 'abc' });
    expect(last).toEqual({ 'Trace-Id': 'abc' });
  });

  test('an error arrives as it was thrown, and what is behind it stays at home', async () => {
    await using world = createWorld(transports());
    const { logger, lines } = recordingLogger();
    const secret = new Error('password: hunter2');
    const thrown: Record<string, () => unknown> = {
      own: () => new MicroError({ id: 'shop.stock', code: CODE.conflict, detail: 'sold out', cause: secret }),
      other: () => new MicroError({ id: 'teapot', code: 418, detail: 'I’m a teapot', status: 'Short and stout' }),
      plain: () => new TypeError('x is not a function', { cause: secret }),
      text: () => 'just text',
      nothing: () => undefined,
      odd: () => Object.create(null) as unknown,
      long: () => new MicroError({ id: 'i'.repeat(100_000), detail: 'd'.repeat(100_000), status: 's'.repeat(100_000) }),
      refusal: () => new MicroError({ id: REFUSED, code: CODE.unavailable, detail: 'somebody else refused me' }),
      unencodable: () => new MicroError({ detail: 'lone \ud800 surrogate, "quotes" and \\ and \n breaks' }),
    };
    let ran = 0;
    await world.start({ logger }, ({ server }) =>
      server.handle('Fail', {
        async with({ how }: { how: string }) {
          ran += 1;
          throw thrown[how]?.();
        },
        cyclic() {
          const cycle: Record<string, unknown> = {};
          cycle.self = cycle;
          return cycle;
        },
      }),
    );
    const { client } = world.caller();
    const fail = async (how: string): Promise<MicroError> => {
      const error = await client
        .call({ service: 'greeter', endpoint: 'Fail.With', body: { how } })
        .catch((caught: unknown) => caught);
      expect(error).toBeInstanceOf(MicroError);
      return error as MicroError;
    };
    expect(await fail('own')).toMatchObject({ id: 'shop.stock', code: 409, detail: 'sold out', status: 'Conflict' });
    expect(await fail('other')).toMatchObject({ code: 418, detail: 'I’m a teapot', status: 'Short and stout' });
    const plain = { id: 'greeter', code: 500, status: 'Internal Server Error' };
    expect(await fail('plain')).toMatchObject({ ...plain, detail: 'x is not a function' });
    expect((await fail('plain')).cause).toBeUndefined();
    expect(await fail('text')).toMatchObject({ ...plain, detail: 'just text' });
    expect(await fail('nothing')).toMatchObject(plain);
    expect(await fail('odd')).toMatchObject({ ...plain, detail: '[object Object]' });
    const long = await fail('long');
    expect(long.detail.length).toBeLessThan(5_000);
    expect(await fail('refusal')).toMatchObject({ id: 'greeter', code: 503, unexecuted: false });
    expect((await fail('unencodable')).detail).toContain('"quotes" and \\ and \n breaks');
    expect(ran).toBe(10);
    await expect(client.call({ service: 'greeter', endpoint: 'Fail.Cyclic' })).rejects.toMatchObject({
      code: 500,
      detail: expect.stringContaining('the answer of Fail.Cyclic cannot be encoded'),
    });
    // Written down where it happened: what is no answer to anybody, with what is behind it.
    const errors = await eventually(() => {
      const written = lines.filter(({ level }) => level === 'error');
      expect(written).toHaveLength(6);
      return written;
    });
    expect(errors[0]).toMatchObject({
      text: 'Fail.With failed: x is not a function',
      fields: { endpoint: 'Fail.With', error: { cause: { message: 'password: hunter2' } } },
    });
  });
});

describe('limits', () => {
  test('one call too many at a time is a 429 that did not run, and the others go on', async () => {
    await using world = createWorld(() => httpTransport({ maxInFlight: 10 }));
    let release = (): void => {};
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    let ran = 0;
    await world.start({}, ({ server }) =>
      server.handle('Slow', {
        async go() {
          ran += 1;
          await held;
          return { ran };
        },
      }),
    );
    const { client } = world.caller();
    const call = () => client.call({ service: 'greeter', endpoint: 'Slow.Go' }, { retries: 0, timeoutMs: 15_000 });
    const calls = Array.from({ length: 10 }, call);
    await eventually(() => expect(ran).toBe(10));
    await expect(call()).rejects.toMatchObject({
      code: 429,
      unexecuted: true,
      detail: expect.stringContaining('limit'),
    });
    expect(ran).toBe(10);
    release();
    expect(await Promise.all(calls)).toHaveLength(10);
    await call();
  });

  test('a call that is refused because its node is full goes to another node', async () => {
    await using world = createWorld(() => httpTransport({ maxInFlight: 1 }));
    const ran: string[] = [];
    let release = (): void => {};
    const bothRan = new Promise<void>((resolve) => {
      release = resolve;
    });
    const start = (id: string) =>
      world.start({ id }, ({ server }) =>
        server.handle('Slow', {
          // A node is full until the other one has been found.
          async go() {
            ran.push(id);
            if (ran.length === 2) release();
            await bothRan;
          },
        }),
      );
    await Promise.all(['a', 'b'].map(start));
    const { client } = world.caller();
    await Promise.all([1, 2].map(() => client.call({ service: 'greeter', endpoint: 'Slow.Go' })));
    expect(ran.sort()).toEqual(['a', 'b']);
  });

  test('a request and an answer over the limit are a 413, and the connection goes on', async () => {
    await using world = createWorld(() => httpTransport({ maxMessageBytes: 100_000 }));
    await world.start({}, ({ server }) =>
      server.handle('Big', {
        echo: ({ text }: { text: string }) => ({ length: text.length }),
        answer: () => ({ text: 'x'.repeat(200_000) }),
      }),
    );
    const { client } = world.caller();
    for (let round = 0; round < 2; round++) {
      await expect(
        client.call({ service: 'greeter', endpoint: 'Big.Echo', body: { text: 'x'.repeat(200_000) } }),
      ).rejects.toMatchObject({ code: 413, unexecuted: true });
      await expect(client.call({ service: 'greeter', endpoint: 'Big.Answer' })).rejects.toMatchObject({ code: 413 });
      expect(await client.call({ service: 'greeter', endpoint: 'Big.Echo', body: { text: 'small' } })).toEqual({
        length: 5,
      });
    }
  });

  test('too much metadata is a 431 before it is sent', async () => {
    await using world = createWorld();
    await world.start({}, ({ server }) => server.handle('Meta', { look: () => ({}) }));
    const { client } = world.caller();
    const many = Object.fromEntries(Array.from({ length: 300 }, (_, index) => [`name-${index}`, 'x']));
    for (const metadata of [many, { long: 'x'.repeat(100_000) }]) {
      await expect(client.call({ service: 'greeter', endpoint: 'Meta.Look' }, { metadata })).rejects.toMatchObject({
        code: 431,
      });
    }
    await client.call({ service: 'greeter', endpoint: 'Meta.Look' });
  });
});
