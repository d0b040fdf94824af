import { expect, test } from 'vitest';
import { z } from 'zod';
import { CODE } from '../../src/error/code.ts';
import { bidiStream, clientStream, defineService, serverStream, unary } from '../../src/rpc/define-service.ts';

test('a definition has an endpoint per method, named in PascalCase, with its kind and its validators', () => {
  const input = z.object({ name: z.string() });
  const output = z.object({ msg: z.string() });
  const definition = defineService('greeter', {
    sayHello: unary({ input, output, idempotent: true, metadata: { path: '/hello' } }),
    up: clientStream<number, number>(),
    down: serverStream<number, number>(),
    both_ways: bidiStream<number, number>(),
  });
  expect(definition).toEqual({
    name: 'Greeter',
    endpoints: [
      {
        name: 'Greeter.SayHello',
        method: 'sayHello',
        kind: 'unary',
        input: { name: 'SayHelloRequest', schema: input },
        output: { name: 'SayHelloResponse', schema: output },
        idempotent: true,
        metadata: { path: '/hello' },
      },
      endpoint('up', 'Up', 'clientStream'),
      endpoint('down', 'Down', 'serverStream'),
      endpoint('both_ways', 'BothWays', 'bidiStream'),
    ],
  });
});

test.each(['', 'my-greeter', 'go.micro.greeter', 'Greeter.Hello', '1st', 'größe', ' a', '__proto__'])(
  'a service cannot be named %j',
  (name) => {
    expect(() => defineService(name, { hello: unary() })).toThrow(
      expect.objectContaining({ code: CODE.badRequest, detail: expect.stringContaining(`"${name}"`) }),
    );
  },
);

test.each(['', 'say-hello', 'say.hello', '1st', '$hello', '_hello'])('a method cannot be named %j', (name) => {
  expect(() => defineService('Greeter', { [name]: unary() })).toThrow(
    expect.objectContaining({ code: CODE.badRequest, detail: expect.stringContaining(`"${name}"`) }),
  );
});

test('two methods of one name on the wire are refused by both names', () => {
  expect(() => defineService('Greeter', { say_hello: unary(), sayHello: unary() })).toThrow(
    /"say_hello" and "sayHello" of Greeter are both Greeter.SayHello/,
  );
  expect(() => defineService('Greeter', { hello: unary(), Hello: unary() })).toThrow(/Greeter.Hello/);
});

function endpoint(method: string, name: string, kind: string): object {
  return {
    name: `Greeter.${name}`,
    method,
    kind,
    input: { name: `${name}Request` },
    output: { name: `${name}Response` },
    idempotent: false,
    metadata: {},
  };
}
