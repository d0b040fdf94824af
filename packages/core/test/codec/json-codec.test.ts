import { create, createRegistry, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import { AnySchema, anyPack, TimestampSchema, timestampFromMs, ValueSchema } from '@bufbuild/protobuf/wkt';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { jsonCodec } from '../../src/codec/json-codec.ts';
import { CODE } from '../../src/error/code.ts';
import { MicroError } from '../../src/error/micro-error.ts';
import { EverythingSchema, HelloReplySchema, HelloRequestSchema, State } from '../gen/sample_pb.js';

const codec = jsonCodec();
const everything = { name: 'Everything', proto: EverythingSchema };
const hello = { name: 'HelloRequest', proto: HelloRequestSchema };

const BEYOND = 9_007_199_254_740_993n;
const LARGEST_SIGNED = 2n ** 63n - 1n;
const LARGEST_UNSIGNED = 2n ** 64n - 1n;

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const text = (body: Uint8Array): string => Buffer.from(body).toString();
const made = (init: MessageInitShape<typeof EverythingSchema>) => create(EverythingSchema, init);
const read = (json: string): unknown => codec.decode(bytes(json), everything);

describe('plain values', () => {
  test('a value is written as JSON.stringify writes it', () => {
    expect(text(codec.encode({ name: 'John', n: [1, null, 'é'] }))).toBe('{"name":"John","n":[1,null,"é"]}');
  });

  test('go-micro reads and writes the body of its examples', () => {
    expect(codec.decode(bytes('{"name":"John"}\n'))).toEqual({ name: 'John' });
    expect(codec.decode(bytes('{"msg":"\\u003cb\\u003e"}\n'), { name: 'Reply' })).toEqual({ msg: '<b>' });
  });

  test('no value makes an empty body: undefined is {}, null is null', () => {
    expect(text(codec.encode(undefined))).toBe('{}');
    expect(text(codec.encode(undefined, { name: 'Reply' }))).toBe('{}');
    expect(text(codec.encode(null))).toBe('null');
    expect(codec.decode(bytes('null'))).toBe(null);
  });

  test('a bigint is written as a bare integer with all its digits, wherever it stands', () => {
    const value = { a: BEYOND, b: [-LARGEST_SIGNED, { c: 0n }], d: '9007199254740993', e: 1 };
    expect(text(codec.encode(value))).toBe(
      '{"a":9007199254740993,"b":[-9223372036854775807,{"c":0}],"d":"9007199254740993","e":1}',
    );
    expect(text(codec.encode(LARGEST_UNSIGNED))).toBe('18446744073709551615');
    const dated = { at: new Date(0), n: 1n };
    expect(text(codec.encode(dated))).toBe('{"at":"1970-01-01T00:00:00.000Z","n":1}');
  });

  test('a key that looks like a bigint next to one stays a string', () => {
    const value = { '"1"': '"2"', n: 3n };
    expect(JSON.parse(text(codec.encode(value)))).toEqual({ '"1"': '"2"', n: 3 });
  });

  test('a Uint8Array without a type passes as it is, and with one it is refused', () => {
    expect(text(codec.encode(bytes('{"raw":1}')))).toBe('{"raw":1}');
    expect(() => codec.encode(bytes('{}'), { name: 'Reply' })).toThrow(/Reply.*octet-stream/);
    expect(() => codec.encode(bytes('{}'), hello)).toThrow(/sample.v1.HelloRequest.*octet-stream/);
  });

  test('what JSON has no text for is a 400', () => {
    const circle: { self?: unknown } = {};
    circle.self = circle;
    for (const value of [() => 1, Symbol('s'), circle, { circle, n: 1n }]) {
      expect(() => codec.encode(value)).toThrow(expect.objectContaining({ code: CODE.badRequest }));
    }
  });

  test('an error thrown while encoding is the cause of the 400', () => {
    const value = {
      toJSON() {
        throw new RangeError('not today');
      },
    };
    expect(() => codec.encode(value)).toThrow(
      expect.objectContaining({ code: CODE.badRequest, cause: expect.any(RangeError) }),
    );
  });

  test('whatever is thrown while encoding, it becomes a 400', () => {
    for (const thrown of [undefined, 'text', Object.create(null)]) {
      const value = {
        toJSON() {
          throw thrown;
        },
      };
      expect(() => codec.encode(value)).toThrow(expect.objectContaining({ code: CODE.badRequest }));
    }
  });

  test('a key __proto__ is a key like any other, and copies of the value keep their prototype', () => {
    const value = codec.decode(bytes('{"__proto__":{"polluted":1},"a":1}'));
    expect(Object.getPrototypeOf(value)).toBe(Object.prototype);
    expect(Object.keys(value as object)).toEqual(['__proto__', 'a']);
    expect(Object.getPrototypeOf({ ...(value as object) })).toBe(Object.prototype);
    expect(text(codec.encode(value))).toBe('{"__proto__":{"polluted":1},"a":1}');
    expect('polluted' in {}).toBe(false);
  });

  test('a megabyte of garbage makes an error of a line', () => {
    const error = caught(() => codec.decode(bytes(`{"a":${'x\n'.repeat(500_000)}`)));
    expect(error.detail.length).toBeLessThan(300);
    expect(error.detail).toMatch(/^cannot decode application\/json as a message: /);
    expect(error.detail).not.toMatch(/\n/);
  });

  test('nesting of any depth is a value or a 400', () => {
    const deep = '['.repeat(200_000) + ']'.repeat(200_000);
    expect(outcome(() => codec.decode(bytes(deep)))).toBe(true);
    const nested = `${'{"child":'.repeat(50_000)}{}${'}'.repeat(50_000)}`;
    expect(() => read(nested)).toThrow(expect.objectContaining({ code: CODE.badRequest }));
  });
});

describe('protobuf messages', () => {
  test('a message is written as the JSON of protobuf, and an initial value is a message', () => {
    const init = {
      signedCount: BEYOND,
      state: State.OPEN,
      payload: new Uint8Array([1, 2, 255]),
      createdAt: timestampFromMs(1_500),
      part: { label: 'a' },
      bodyKind: { case: 'plainText' as const, value: 'x' },
    };
    const expected =
      '{"signedCount":"9007199254740993","payload":"AQL/","state":"STATE_OPEN","part":{"label":"a"},' +
      '"createdAt":"1970-01-01T00:00:01.500Z","plainText":"x"}';
    expect(text(codec.encode(made(init), everything))).toBe(expected);
    expect(text(codec.encode(init, everything))).toBe(expected);
  });

  test('no message and null are the empty one', () => {
    for (const value of [undefined, null, {}]) expect(text(codec.encode(value, everything))).toBe('{}');
    for (const json of ['', 'null', '{}', 'null\n']) expect(read(json)).toEqual(made({}));
  });

  test('null stays a value where the message is one', () => {
    const value = { name: 'Value', proto: ValueSchema };
    expect(codec.decode(bytes('null'), value)).toEqual(create(ValueSchema, { kind: { case: 'nullValue', value: 0 } }));
  });

  test('both forms of a name are read, and unknown fields are ignored', () => {
    const expected = made({ signedCount: 7n, namedParts: { a: { label: 'b' } } });
    expect(read('{"signed_count":7,"named_parts":{"a":{"label":"b","new":1}},"unheard_of":[{}]}')).toEqual(expected);
    expect(read('{"signedCount":"7","namedParts":{"a":{"label":"b"}}}')).toEqual(expected);
  });

  test('integers of 64 bits keep every digit, as numbers and as strings, both ways', () => {
    const init = {
      signedCount: -LARGEST_SIGNED - 1n,
      unsignedCount: LARGEST_UNSIGNED,
      fixedCount: BEYOND,
      zigzagCount: -BEYOND,
      counts: [BEYOND, 1n, -BEYOND],
      totals: { '9007199254740993': LARGEST_UNSIGNED },
      part: { weight: BEYOND },
      bodyKind: { case: 'bigNumber' as const, value: LARGEST_UNSIGNED },
      wrappedCount: BEYOND,
    };
    expect(codec.decode(codec.encode(init, everything), everything)).toEqual(made(init));
    expect(
      read(
        `{"signed_count":-9223372036854775808,"unsigned_count":18446744073709551615,"fixed_count":9007199254740993,
          "zigzag_count":-9007199254740993,"counts":[9007199254740993,1,-9007199254740993],
          "totals":{"9007199254740993":18446744073709551615},"part":{"weight":9007199254740993},
          "big_number":18446744073709551615,"wrapped_count":9007199254740993}`,
      ),
    ).toEqual(made(init));
  });

  test('long digits in strings, fractions and free-form values stay what they are', () => {
    const decoded = read(
      '{"note":"\\"12345678901234567890\\" \\\\","ratio":0.12345678901234567,"small_ratio":1.5,"signed_count":9007199254740993,' +
        '"free_form":{"12345678901234567890":12345678901234567890,"list":[100000000000000000000,"12345678901234567890"]}}',
    );
    expect(decoded).toEqual(
      made({
        note: '"12345678901234567890" \\',
        ratio: Number('0.12345678901234567'),
        smallRatio: 1.5,
        signedCount: BEYOND,
        freeForm: {
          '12345678901234567890': Number('12345678901234567890'),
          list: [1e20, '12345678901234567890'],
        },
      }),
    );
  });

  test('a double that Go writes with many digits is a double', () => {
    expect(read('{"ratio":100000000000000000000}')).toEqual(made({ ratio: 1e20 }));
    expect(read('{"ratio":1e+21,"small_ratio":3.4028234663852886e+38}')).toEqual(
      made({ ratio: 1e21, smallRatio: 3.4028234663852886e38 }),
    );
  });

  test('digits do not make JSON of what is none', () => {
    for (const json of [
      '{1234567890123456789:1}',
      '{"signed_count":0123456789012345678}',
      '{"counts":[1 1234567890123456789]}',
    ]) {
      expect(() => read(json), json).toThrow(expect.objectContaining({ code: CODE.badRequest }));
    }
  });
});

describe('what Go writes with encoding/json', () => {
  test('a generated struct is read whole: names, numbers, enums, bytes, times and oneofs', () => {
    const go =
      '{"signed_count":9223372036854775807,"unsigned_count":18446744073709551615,"flag":true,"payload":"AQL/","state":2,' +
      '"part":{"label":"p","weight":9007199254740993},"parts":[{"label":"q"},{}],"counts":[1,9007199254740993],"states":[1,2],' +
      '"labels":{"a":"\\u003cb\\u003e"},"totals":{"-5":18446744073709551615},"named_parts":{"x":{"weight":3}},' +
      '"created_at":{"seconds":1700000000,"nanos":5},"time_left":{"seconds":-1,"nanos":-500000000},"limit":0,' +
      '"BodyKind":{"SomePart":{"label":"one","weight":9007199254740993}},"wrapped_count":{"value":9007199254740993},' +
      '"mask":{"paths":["signed_count","part.label"]},"seen_at":[{"seconds":1},{"nanos":7},{}],' +
      '"child":{"BodyKind":{"PlainText":""},"created_at":{}}}\n';
    expect(read(go)).toEqual(
      made({
        signedCount: LARGEST_SIGNED,
        unsignedCount: LARGEST_UNSIGNED,
        flag: true,
        payload: new Uint8Array([1, 2, 255]),
        state: State.CLOSED,
        part: { label: 'p', weight: BEYOND },
        parts: [{ label: 'q' }, {}],
        counts: [1n, BEYOND],
        states: [State.OPEN, State.CLOSED],
        labels: { a: '<b>' },
        totals: { '-5': LARGEST_UNSIGNED },
        namedParts: { x: { weight: 3n } },
        createdAt: { seconds: 1_700_000_000n, nanos: 5 },
        timeLeft: { seconds: -1n, nanos: -500_000_000 },
        limit: 0,
        bodyKind: { case: 'somePart', value: { label: 'one', weight: BEYOND } },
        wrappedCount: BEYOND,
        mask: { paths: ['signed_count', 'part.label'] },
        seenAt: [{ seconds: 1n }, { nanos: 7 }, {}],
        child: made({ bodyKind: { case: 'plainText', value: '' }, createdAt: {} }),
      }),
    );
  });

  test('a oneof that holds a time, and a wrapper without a value', () => {
    expect(read('{"BodyKind":{"DueAt":{"seconds":9}},"wrapped_count":{}}')).toEqual(
      made({ bodyKind: { case: 'dueAt', value: { seconds: 9n } }, wrappedCount: 0n }),
    );
  });

  test('an enum number that nobody knows is kept', () => {
    expect(read('{"state":77}')).toEqual(made({ state: 77 as State }));
  });

  test('the JSON of protobuf is read in the same places', () => {
    expect(
      read(
        '{"createdAt":"2023-11-14T22:13:20.000000005Z","timeLeft":"-1.5s","state":"STATE_CLOSED","mask":"signedCount","wrappedCount":"9007199254740993"}',
      ),
    ).toEqual(
      made({
        createdAt: { seconds: 1_700_000_000n, nanos: 5 },
        timeLeft: { seconds: -1n, nanos: -500_000_000 },
        state: State.CLOSED,
        mask: { paths: ['signed_count'] },
        wrappedCount: BEYOND,
      }),
    );
  });

  test('times that make no sense are a 400', () => {
    for (const time of [
      '{"seconds":"soon"}',
      '{"seconds":1.5}',
      '{"seconds":[]}',
      '{"nanos":-1}',
      '{"seconds":99999999999999999999}',
    ]) {
      expect(() => read(`{"created_at":${time}}`), time).toThrow(expect.objectContaining({ code: CODE.badRequest }));
    }
  });

  test('a time alone is a message too', () => {
    const time = { name: 'Timestamp', proto: TimestampSchema };
    expect(codec.decode(bytes('{"seconds":3}'), time)).toEqual(create(TimestampSchema, { seconds: 3n }));
  });
});

describe('writing what Go reads with encoding/json', () => {
  const goCodec = jsonCodec({ dialect: 'go' });

  test('a message is written as Go writes the generated struct', () => {
    const init = {
      signedCount: BEYOND,
      flag: true,
      payload: new Uint8Array([1, 2, 255]),
      state: State.CLOSED,
      parts: [{ label: 'q', weight: -BEYOND }, {}],
      totals: { '-5': LARGEST_UNSIGNED },
      namedParts: { x: { weight: 3n } },
      createdAt: { seconds: 1_700_000_000n, nanos: 5 },
      limit: 0,
      bodyKind: { case: 'dueAt' as const, value: { seconds: 9n } },
      freeForm: { a: [1, null] },
      wrappedCount: 7n,
      mask: { paths: ['signed_count'] },
    };
    expect(text(goCodec.encode(init, everything))).toBe(
      '{"signed_count":9007199254740993,"flag":true,"payload":"AQL/","state":2,' +
        '"parts":[{"label":"q","weight":-9007199254740993},{}],"totals":{"-5":18446744073709551615},' +
        '"named_parts":{"x":{"weight":3}},"created_at":{"seconds":1700000000,"nanos":5},"limit":0,' +
        '"BodyKind":{"DueAt":{"seconds":9}},"free_form":{"a":[1,null]},"wrapped_count":{"value":7},' +
        '"mask":{"paths":["signed_count"]}}',
    );
    for (const reader of [codec, goCodec]) {
      expect(reader.decode(goCodec.encode(init, everything), everything)).toEqual(made(init));
    }
  });

  test('what is no message is written as ever', () => {
    expect(text(goCodec.encode({ userName: 1n }))).toBe('{"userName":1}');
  });
});

describe('mistakes', () => {
  test.each([
    ['text', 'not json'],
    ['a list', '[]'],
    ['a number', '7'],
    ['a wrong field', '{"name":7}'],
    ['two values', '{} {}'],
    ['half a value', '{"name":"J'],
  ])('%s where a message is meant is a 400 that names the type', (_, json) => {
    const error = caught(() => codec.decode(bytes(json), hello));
    expect(error.code).toBe(CODE.badRequest);
    expect(error.detail).toContain('sample.v1.HelloRequest');
  });

  test.each([[7], ['John'], [true], [[]], [{ name: 7 }], [{ name: {} }]])('%j is no message to encode', (value) => {
    expect(() => codec.encode(value, hello)).toThrow(expect.objectContaining({ code: CODE.badRequest }));
  });

  test('an Any needs a registry', () => {
    const any = { name: 'Any', proto: AnySchema };
    const value = anyPack(HelloReplySchema, create(HelloReplySchema, { msg: 'hi' }));
    expect(() => codec.encode(value, any)).toThrow(expect.objectContaining({ code: CODE.badRequest }));
    const knowing = jsonCodec({ registry: createRegistry(HelloReplySchema) });
    const json = text(knowing.encode(value, any));
    expect(JSON.parse(json)).toEqual({ '@type': 'type.googleapis.com/sample.v1.HelloReply', msg: 'hi' });
    expect(knowing.decode(bytes(json), any)).toEqual(value);
  });
});

describe('any input', () => {
  test('any bytes are a value or a 400', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (body) => {
        expect(outcome(() => codec.decode(body))).toBe(true);
        expect(outcome(() => codec.decode(body, everything))).toBe(true);
      }),
    );
  });

  test('any JSON under the names of a message is a message or a 400', () => {
    const names = EverythingSchema.fields.flatMap((field) => [field.name, field.jsonName]);
    const key = fc.constantFrom(...names, 'BodyKind', '__proto__', 'seconds', 'nanos', 'paths', 'value');
    const json = fc.letrec((tie) => ({
      value: fc.oneof(
        { maxDepth: 4 },
        fc.jsonValue({ maxDepth: 0 }),
        fc.constantFrom('1s', '1970-01-01T00:00:00Z', -1, 2 ** 60),
        fc.array(tie('value'), { maxLength: 3 }),
        fc.dictionary(key, tie('value'), { maxKeys: 4, noNullPrototype: true }),
      ),
    })).value;
    fc.assert(
      fc.property(json, (value) => {
        expect(outcome(() => read(JSON.stringify(value)))).toBe(true);
      }),
      { numRuns: 500 },
    );
  });

  test('any JSON value comes back', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(codec.decode(codec.encode(value))).toEqual(JSON.parse(JSON.stringify(value)));
      }),
    );
  });

  test('any JSON value with bigints in it is written as Go writes integers', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: -LARGEST_SIGNED, max: LARGEST_UNSIGNED }), fc.string(), (n, s) => {
        expect(text(codec.encode({ n, s }))).toBe(`{"n":${n},"s":${JSON.stringify(s)}}`);
      }),
    );
  });

  test('any message comes back, byte for byte', () => {
    const long = fc.bigInt({ min: -(2n ** 63n), max: LARGEST_SIGNED });
    const part = fc.record({ label: fc.string({ unit: 'grapheme' }), weight: long });
    const init = fc.record({
      signedCount: long,
      unsignedCount: fc.bigInt({ min: 0n, max: LARGEST_UNSIGNED }),
      // JSON.stringify writes -0 as 0.
      ratio: fc.double().map((ratio) => ratio + 0),
      flag: fc.boolean(),
      payload: fc.uint8Array(),
      part,
      parts: fc.array(part),
      counts: fc.array(long),
      labels: fc.dictionary(fc.string(), fc.string(), { noNullPrototype: true }),
      note: fc.string(),
      createdAt: fc.record({
        seconds: fc.bigInt({ min: -62_135_596_800n, max: 253_402_300_799n }),
        nanos: fc.nat(999_999_999),
      }),
    });
    fc.assert(
      fc.property(init, (value) => {
        const decoded = codec.decode(codec.encode(value, everything), everything);
        expect(toBinary(EverythingSchema, decoded as ReturnType<typeof made>)).toEqual(
          toBinary(EverythingSchema, made(value)),
        );
      }),
    );
  });
});

function caught(run: () => unknown): MicroError {
  try {
    run();
  } catch (error) {
    if (error instanceof MicroError) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}

/** Whether something gave a value or threw a 400. */
function outcome(run: () => unknown): boolean {
  try {
    run();
    return true;
  } catch (error) {
    return error instanceof MicroError && error.code === CODE.badRequest;
  }
}
