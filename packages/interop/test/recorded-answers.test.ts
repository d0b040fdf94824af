import type { CallOptions, Definition, Service } from '@micro/core';
import { httpBroker, memoryRegistry, silentLogger } from '@micro/core';
import { afterEach, describe, expect, test } from 'vitest';
import type { Conversation } from '../src/conversation.ts';
import { type Player, startPlayer } from '../src/player.ts';
import { eventually } from './eventually.ts';
import { readFixture, SOME_UUID } from './fixture.ts';
import { TOPIC } from './fixture-events.ts';
import { CallRequestSchema, CallResponseSchema, Helloworld } from './gen/helloworld_pb.ts';
import { partsOf, requestMeaning } from './http-meaning.ts';
import { ourCaller } from './our-service.ts';
import { Plain, type PlainMethods } from './plain.ts';

// These need no Go: our client calls, and is answered with the bytes that a Go server once wrote. What it wrote itself must
// mean what the Go client wrote then.

/** A call of ours, and what has to come of it. */
interface AnswerCase {
  readonly run: (calls: Calls) => Promise<unknown>;
  readonly expected: unknown;
}

/** The ways in which the cases call. */
interface Calls {
  readonly hello: ReturnType<typeof helloOf>;
  readonly plain: ReturnType<typeof plainOf>;
  call(endpoint: string, body: unknown, options?: CallOptions): Promise<unknown>;
  /** Calls a method that no server has, with the messages of `Helloworld.Call`. */
  nope(handler: string, options: CallOptions): Promise<unknown>;
}

const helloOf = ({ client }: Service) => client.of(Helloworld, 'helloworld');
const plainOf = ({ client }: Service) => client.of(Plain, 'helloworld');

const PROTOBUF: CallOptions = { contentType: 'application/protobuf' };
const BEYOND = 9007199254740993n;
/** The endpoint that our transport asks for when it wants to know whether a stream is over. */
const PROBE = 'MicroEndOfStreamProbe.Probe';
const JOHN = { name: 'John' };
const ANN = {
  name: 'Ann',
  age: 41,
  picture: '/wA=',
  tags: { a: '1', b: '2' },
  friends: [{ name: 'Bo' }],
  pause: 1_500_000_000,
};

/** A call of `Helloworld.Call` in a content type, which is answered with "Hello John". */
const hello = (contentType: string): AnswerCase => ({
  run: (calls) => calls.hello.call(JOHN, { contentType }),
  expected: { msg: 'Hello John' },
});

/** A call that fails. */
const failing = (endpoint: string, body: unknown, expected: object, options: CallOptions = {}): AnswerCase => ({
  run: (calls) => calls.call(endpoint, body, options),
  expected: { error: expected },
});

const STREAMS: Readonly<Record<string, AnswerCase>> = Object.fromEntries(
  ['json', 'protobuf'].flatMap((type) => {
    const options = { contentType: `application/${type}`, timeoutMs: 5_000 };
    const cases: Record<string, AnswerCase> = {
      server: {
        run: ({ hello }) => collect(hello.serverStream({ count: 3n }, options)),
        expected: [{ count: 0n }, { count: 1n }, { count: 2n }],
      },
      'server-empty': { run: ({ hello }) => collect(hello.serverStream({}, options)), expected: [] },
      'server-error': {
        run: ({ hello }) => collect(hello.serverStream({ count: -1n }, options)),
        expected: { error: { id: 'helloworld', code: 400, detail: 'count -1 is below 0' } },
      },
      client: {
        run: ({ hello }) => hello.clientStream([{ stroke: 3n }, { stroke: 4n }, { stroke: -1n }], options),
        expected: { count: 7n },
      },
      bidi: {
        run: ({ hello }) => turns(hello.bidiStream, [1n, 0n, BEYOND], options),
        expected: [1n, 0n, BEYOND],
      },
      timeout: { run: ({ hello }) => turns(hello.bidiStream, [1n], { ...options, timeoutMs: 2_000 }), expected: [1n] },
    };
    return Object.entries(cases).map(([name, answer]): [string, AnswerCase] => [`${name}-${type}`, answer]);
  }),
);

/** The conversations by file and name, and how we call to be answered so. */
const CASES: Readonly<Record<string, Readonly<Record<string, AnswerCase>>>> = {
  unary: {
    json: hello('application/json'),
    protobuf: hello('application/protobuf'),
    grpc: hello('application/grpc'),
    'grpc+proto': hello('application/grpc+proto'),
    'grpc+json': hello('application/grpc+json'),
    'octet-stream': {
      run: ({ call }) => call('Raw.Echo', Uint8Array.of(0, 1, 2, 3), { contentType: 'application/octet-stream' }),
      expected: Buffer.from([0, 1, 2, 3]),
    },
    metadata: {
      run: ({ hello }) =>
        hello.call(JOHN, { metadata: { 'trace-id': 'a1', Name: 'Jörg 世界', fooBar: '1', x_y: '2' } }),
      expected: { msg: 'Hello John' },
    },
    unicode: {
      run: ({ hello }) => hello.call({ name: 'Jörg 世界 <&>' }),
      expected: { msg: 'Hello Jörg 世界 <&>' },
    },
    'timeout-1500ms': { run: ({ hello }) => hello.call(JOHN, { timeoutMs: 1_500 }), expected: { msg: 'Hello John' } },
    'empty-json': { run: ({ plain }) => plain.empty({}), expected: { msg: '' } },
    'empty-protobuf': { run: ({ plain }) => plain.empty({}, PROTOBUF), expected: { msg: '' } },
    'empty-grpc': {
      run: ({ plain }) => plain.empty({}, { contentType: 'application/grpc+proto' }),
      expected: { msg: '' },
    },
    'int64-struct-json': {
      run: ({ call }) => call('Plain.Int64', { signed: -BEYOND, unsigned: 18446744073709551615n }),
      expected: { signed: -9007199254740992, unsigned: 18446744073709552000 },
    },
    'int64-proto-json': { run: ({ plain }) => plain.int64Proto({ count: BEYOND }), expected: { count: BEYOND } },
    'int64-proto-protobuf': {
      run: ({ plain }) => plain.int64Proto({ count: BEYOND }, PROTOBUF),
      expected: { count: BEYOND },
    },
    struct: {
      run: ({ plain }) => plain.struct(ANN),
      expected: { ...ANN, age: 42 },
    },
  },
  legacy: {
    'json-rpc': hello('application/json'),
    'proto-rpc': hello('application/protobuf'),
    'json-rpc-error': failing(
      'Plain.Fail',
      { code: 404, detail: 'no such user' },
      { code: 404, detail: 'no such user' },
    ),
    'proto-rpc-error': {
      run: ({ nope }) => nope('Plain', PROTOBUF),
      expected: { error: { detail: "rpc: can't find method Nope" } },
    },
  },
  errors: {
    'micro-404': failing(
      'Plain.Fail',
      { code: 404, detail: 'no such user' },
      { id: 'helloworld', code: 404, detail: 'no such user', status: 'Not Found' },
    ),
    'micro-499': failing(
      'Plain.Fail',
      { code: 499, detail: 'the caller left' },
      { id: 'helloworld', code: 499, detail: 'the caller left' },
    ),
    plain: failing('Plain.Fail', { detail: 'boom' }, { id: '', code: 0, detail: 'boom' }),
    unicode: failing(
      'Plain.Fail',
      { detail: 'größer als 100 %\nzweite Zeile' },
      { code: 0, detail: 'größer als 100 % zweite Zeile' },
    ),
    // Nothing tells it from a success without a body.
    'empty-text': { run: ({ call }) => call('Plain.Fail', { detail: '' }), expected: {} },
    'unknown-handler': failing('Nobody.Call', JOHN, { code: 0, detail: "rpc: can't find service Nobody" }),
    'unknown-method': failing('Helloworld.Nope', JOHN, { code: 0, detail: "rpc: can't find method Nope" }),
    'ill-formed-endpoint': failing('Helloworld', JOHN, {
      code: 0,
      detail: 'rpc: service/endpoint request ill-formed: Helloworld',
    }),
    'wrong-json': failing(
      'Helloworld.Call',
      { name: 1 },
      {
        code: 0,
        detail: 'json: cannot unmarshal number into Go value of type string',
      },
    ),
    'unknown-field': failing(
      'Helloworld.Call',
      { nome: 'John' },
      {
        code: 0,
        detail: 'unknown field "nome" in helloworld.CallRequest',
      },
    ),
    grpc: {
      run: ({ nope }) => nope('Helloworld', { contentType: 'application/grpc+proto' }),
      expected: { error: { code: 0, detail: "rpc: can't find method Nope" } },
    },
  },
  'shared-connection': {
    'header-echo': {
      async run({ hello, plain }) {
        const first = await hello.call(JOHN, { metadata: { First: '1' } });
        const second = await hello.call(JOHN, { metadata: { Second: '2' } });
        return [first, second, await plain.big({ size: 3 })];
      },
      expected: [{ msg: 'Hello John' }, { msg: 'Hello John' }, { data: 'xxx' }],
    },
  },
  streams: STREAMS,
  'server-answers': {
    'error-then-call': {
      async run({ call, hello }) {
        const error = await call('Plain.Fail', { code: 409, detail: 'taken' }).catch(errorOf);
        return [error, await hello.call(JOHN)];
      },
      expected: [{ error: { code: 409, detail: 'taken' } }, { msg: 'Hello John' }],
    },
    'broken-json': failing('Helloworld.Call', JOHN, { detail: expect.stringContaining('invalid character') }),
    // A reply that looks like success but for its content type, after which no call may count as answered.
    'content-type-with-charset': failing('Helloworld.Call', JOHN, {
      detail: expect.stringContaining('Unsupported Content-Type'),
    }),
  },
  'server-refuses': {
    'not-http': failing('Helloworld.Call', JOHN, { detail: expect.stringContaining('400 Bad Request') }),
    'without-host': failing('Helloworld.Call', JOHN, {
      detail: expect.stringContaining('missing required Host header'),
    }),
  },
  'server-streams': {
    'half-close': {
      run: ({ hello }) => hello.clientStream([{ stroke: 3n }, { stroke: 4n }]),
      expected: { count: 7n },
    },
    // The player answers the probe of our client as the Go server answered that of a script.
    'half-close-and-probe': {
      run: ({ hello }) => collect(hello.bidiStream([{ stroke: 3n }], { timeoutMs: 5_000 })),
      expected: [{ stroke: 3n }],
    },
    'server-stream': {
      run: ({ hello }) => collect(hello.serverStream({ count: 2n }, { timeoutMs: 5_000 })),
      expected: [{ count: 0n }, { count: 1n }],
    },
    'server-stream-error': {
      run: ({ hello }) => collect(hello.serverStream({ count: -1n }, { timeoutMs: 5_000 })),
      expected: { error: { id: 'helloworld', code: 400, detail: 'count -1 is below 0' } },
    },
  },
};

/** Files that are not all ours to be answered with: there, the cases above are those that a client can meet. */
const PARTIAL = new Set(['server-answers', 'server-refuses', 'server-streams']);

/** Conversations whose requests a client of ours writes otherwise than Go's, and why. */
const WRITES_OTHERWISE: Readonly<Record<string, string>> = {
  'legacy/proto-rpc': 'our first call has the number 1; the 0 of Go’s first one is left out of its envelope',
  'legacy/proto-rpc-error': 'the same',
};

describe('what Go servers wrote to Go clients, written to our client', () => {
  const closing: (() => Promise<unknown>)[] = [];
  afterEach(async () => {
    for (const close of closing.splice(0).reverse()) await close();
  });

  const play = async (conversation: Conversation): Promise<Player> => {
    const player = await startPlayer(conversation);
    closing.push(() => player.close());
    return player;
  };

  for (const [file, cases] of Object.entries(CASES)) {
    const { conversations, writers } = readFixture(file);
    if (!PARTIAL.has(file)) {
      test(`${file}: there is a case for each conversation`, () => {
        expect(Object.keys(cases).sort()).toEqual(Object.keys(conversations).sort());
      });
    }
    for (const [name, { run, expected }] of Object.entries(cases)) {
      const conversation = conversations[name];
      const key = `${file}/${name}`;
      test(`${key}: ${conversation?.about}`, async () => {
        if (conversation === undefined) throw new Error('there is no such recording');
        const player = await play(conversation);
        const caller = ourCaller(player.address, file === 'legacy' ? {} : { protocol: 'mucp' });
        closing.push(() => caller.stop());
        const calls: Calls = {
          hello: helloOf(caller),
          plain: plainOf(caller),
          call: (endpoint, body, options) =>
            caller.client.call({ service: 'helloworld', endpoint, body }, { timeoutMs: 5_000, ...options }),
          nope: (handler, options) => caller.client.of(nopeOf(handler), 'helloworld').nope(JOHN, options),
        };
        const outcome = await run(calls).catch(errorOf);
        expect(plainValue(outcome)).toMatchObject(expected as object);
        if (writers.client === 'go-micro v4.9.0' && WRITES_OTHERWISE[key] === undefined) {
          expectSameRequests(player.requests(), conversation, file === 'streams');
        }
      });
    }
  }

  test('broker: our publisher writes what a Go publisher wrote, and is content with what a Go subscriber answered', async () => {
    for (const [name, conversation] of Object.entries(readFixture('broker').conversations)) {
      const player = await play(conversation);
      const node = {
        id: `${TOPIC}-${SOME_UUID}`,
        address: player.address,
        metadata: { broker: 'http', secure: 'false', topic: TOPIC },
      };
      const record = { name: 'micro.http.broker', version: 'ff.http.broadcast', metadata: {}, endpoints: [] };
      const registry = memoryRegistry({ services: [{ ...record, nodes: [node] }] });
      const failures: unknown[] = [];
      const onError = (failure: unknown): void => void failures.push(failure);
      const broker = httpBroker({ registry, logger: silentLogger(), onError });
      await broker.connect();
      closing.push(() => broker.disconnect());
      const expected = conversation.steps.filter(({ from }) => from === 'client').map(({ bytes }) => eventIn(bytes));
      for (const { header, body } of expected) await broker.publish(TOPIC, { header, body });
      await eventually(async () => (player.requests().length >= expected.length ? true : undefined));
      // It waits until everything is answered, and would send again what was not accepted.
      await broker.disconnect();
      expect(player.requests().map(eventIn), name).toEqual(expected);
      expect(failures, name).toEqual([]);
    }
  });
});

/** A service with one method that no server has. */
function nopeOf(handler: string): Definition<{ readonly nope: PlainMethods['empty'] }> {
  const input = { name: 'CallRequest', proto: CallRequestSchema };
  const output = { name: 'CallResponse', proto: CallResponseSchema };
  const nope = { method: 'nope', kind: 'unary', input, output, idempotent: false, metadata: {} } as const;
  return { name: handler, endpoints: [{ name: `${handler}.Nope`, ...nope }] };
}

async function collect<T>(messages: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const message of messages) all.push(message);
  return all;
}

/** Sends strokes and leaves when as many have come back, since the Go client of the recording left then, too. */
async function turns(bidi: Calls['hello']['bidiStream'], strokes: readonly bigint[], options: CallOptions) {
  const received: bigint[] = [];
  for await (const { stroke } of bidi(
    strokes.map((stroke) => ({ stroke })),
    options,
  )) {
    received.push(stroke);
    if (received.length === strokes.length) break;
  }
  return received;
}

/** An error as a value that can be compared. */
function errorOf(error: unknown): object {
  const { id, code, detail, status } = error as { id?: string; code?: number; detail?: string; status?: string };
  return { error: { id, code, detail, status } };
}

/** Bytes as a Buffer, everything else as it is. */
function plainValue(value: unknown): unknown {
  return value instanceof Uint8Array ? Buffer.from(value) : value;
}

/** What we wrote means what the Go client of a recording wrote. */
function expectSameRequests(requests: readonly string[], { steps }: Conversation, stream: boolean): void {
  // The message that opens a stream says nothing; the one that ends it, and what asks whether it is over, we send unasked.
  const telling = (messages: readonly string[]): ReturnType<typeof requestMeaning>[] => {
    const meanings = messages
      .map(requestMeaning)
      .filter(({ fields }) => fields['Micro-Error'] === undefined && fields['Micro-Endpoint'] !== PROBE);
    return stream ? meanings.slice(1) : meanings;
  };
  const theirs = telling(steps.filter(({ from }) => from === 'client').map(({ bytes }) => bytes));
  const ours = telling(requests);
  const ownTime = ({ fields: { Timeout: _, ...fields }, ...rest }: (typeof ours)[number]) => ({ ...rest, fields });
  expect(ours.map(ownTime)).toEqual(theirs.map(ownTime));
  if (stream) return;
  for (const [index, { fields }] of theirs.entries()) {
    const given = Number(fields.Timeout);
    const left = Number(ours[index]?.fields.Timeout);
    expect(left).toBeLessThanOrEqual(given);
    expect(left).toBeGreaterThan(given - 1e9);
  }
}

/** The event in a POST of a publisher, and where it goes. */
function eventIn(bytes: string) {
  const { start, header, body } = partsOf(bytes);
  const { Header, Body } = JSON.parse(Buffer.from(body, 'latin1').toString('utf8')) as {
    readonly Header: Readonly<Record<string, string>>;
    readonly Body: string;
  };
  return { start, type: header.get('Content-Type'), header: Header, body: Buffer.from(Body, 'base64') };
}
