import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { CODE } from '../../src/error/code.ts';
import { MicroError } from '../../src/error/micro-error.ts';
import { jsonRpcEnvelope } from '../../src/rpc/json-rpc-envelope.ts';
import { LEGACY_JSON, legacyContentType, legacyRoute } from '../../src/rpc/legacy-route.ts';
import { protoRpcEnvelope } from '../../src/rpc/proto-rpc-envelope.ts';

const EMPTY = new Uint8Array(0);
const bytes = (text: string): Uint8Array => new Uint8Array(Buffer.from(text));
const text = (body: Uint8Array): string => Buffer.from(body).toString();
const hex = (body: Uint8Array): string => Buffer.from(body).toString('hex');
const fromHex = (digits: string): Uint8Array => new Uint8Array(Buffer.from(digits.replaceAll(' ', ''), 'hex'));
const asText = <T extends { body: Uint8Array }>(envelope: T) => ({ ...envelope, body: text(envelope.body) });
const asHex = <T extends { body: Uint8Array }>(envelope: T) => ({ ...envelope, body: hex(envelope.body) });
const badRequest = expect.objectContaining({ code: CODE.badRequest });

describe('json-rpc', () => {
  const request = '{"method":"Say.Hello","params":[{"name":"John"}],"id":"7"}\n';
  const reply = '{"id":"7","result":{"msg":"Hello John"},"error":null}\n';
  const error = '{"id":"","result":null,"error":"boom"}\n';

  test('a request has the bytes of a Go peer, both ways', () => {
    const written = jsonRpcEnvelope.writeRequest({ method: 'Say.Hello', id: '7', body: bytes('{"name":"John"}') });
    expect(text(written)).toBe(request);
    expect(written).toHaveLength(59);
    expect(asText(jsonRpcEnvelope.readRequest(bytes(request)))).toEqual({
      method: 'Say.Hello',
      id: '7',
      body: '{"name":"John"}',
    });
  });

  test('a reply and an error have the bytes of a Go peer, both ways', () => {
    expect(text(jsonRpcEnvelope.writeReply({ id: '7', body: bytes('{"msg":"Hello John"}'), error: '' }))).toBe(reply);
    expect(text(jsonRpcEnvelope.writeReply({ id: '', body: EMPTY, error: 'boom' }))).toBe(error);
    expect(asText(jsonRpcEnvelope.readReply(bytes(reply)))).toEqual({
      id: '7',
      body: '{"msg":"Hello John"}',
      error: '',
    });
    expect(asText(jsonRpcEnvelope.readReply(bytes(error)))).toEqual({ id: '', body: '', error: 'boom' });
  });

  test('a value passes as it is written: digits, spaces, order and all', () => {
    const value = '{ "n" : 18446744073709551615, "z":1.0, "a":"]}\\"\\\\", "list":[ [ ], {} ] }';
    const body = bytes(`{"id":1,"params": [ ${value} , 2],"method":"A.B"}`);
    expect(text(jsonRpcEnvelope.readRequest(body).body)).toBe(value);
    const back = jsonRpcEnvelope.writeReply({ id: '1', body: bytes(value), error: '' });
    expect(text(jsonRpcEnvelope.readReply(back).body)).toBe(value);
  });

  test.each([
    ['no params', '{"method":"A.B","id":"1"}', ''],
    ['params of null', '{"method":"A.B","params":null,"id":"1"}', ''],
    ['empty params', '{"method":"A.B","params":[ ],"id":"1"}', ''],
    ['a null in params', '{"method":"A.B","params":[null],"id":"1"}', 'null'],
    ['a number in params', '{"method":"A.B","params":[-1.5e3],"id":"1"}', '-1.5e3'],
    ['params twice', '{"params":[1],"method":"A.B","params":[2],"id":"1"}', '2'],
    ['spaces all over', '\n { "method" : "A.B" ,\t"params" : [ 1 ] , "id" : "1" } \n', '1'],
    ['escapes in names', '{"\\u006dethod":"A.B","params":[1],"id":"1"}', '1'],
    [
      'names inside other values',
      '{"x":{"params":[9]},"method":"A.B","y":"\\"params\\":[8]","params":[1],"id":"1"}',
      '1',
    ],
  ])('a request with %s is read', (_, json, body) => {
    expect(asText(jsonRpcEnvelope.readRequest(bytes(json)))).toEqual({ method: 'A.B', id: '1', body });
  });

  test('an id may be a number, which keeps its digits, null, or absent', () => {
    const idOf = (json: string) => jsonRpcEnvelope.readRequest(bytes(json)).id;
    expect(idOf('{"id":1000000}')).toBe('1000000');
    expect(idOf('{"id":18446744073709551615}')).toBe('18446744073709551615');
    expect(idOf('{"id":null}')).toBe('');
    expect(idOf('{}')).toBe('');
  });

  test('an empty body is {} in a request and null in a reply', () => {
    expect(text(jsonRpcEnvelope.writeRequest({ method: 'A.B', id: '1', body: EMPTY }))).toContain('"params":[{}]');
    expect(text(jsonRpcEnvelope.writeReply({ id: '1', body: EMPTY, error: '' }))).toContain('"result":null');
  });

  test('an error without a text is one nevertheless', () => {
    expect(jsonRpcEnvelope.readReply(bytes('{"id":"1","result":{},"error":""}'))).toEqual({
      id: '1',
      body: EMPTY,
      error: 'unspecified error',
    });
  });

  test.each([
    ['nothing', ''],
    ['no object', '[]'],
    ['half an object', '{"method":"A.B","params":[{"a"'],
    ['half a string', '{"method":"A.B'],
    ['a name without quotes', '{method:"A.B"}'],
    ['no colon', '{"method" "A.B"}'],
    ['no comma', '{"id":"1" "method":"A.B"}'],
    ['a comma too many', '{"method":"A.B",}'],
    ['two objects', '{} {}'],
    ['params that are no list', '{"method":"A.B","params":{}}'],
    ['a method that is no string', '{"method":7}'],
    ['an id that is an object', '{"method":"A.B","id":{}}'],
    ['a method too long', `{"method":"${'x'.repeat(2_000)}"}`],
    ['an id too long', `{"id":${'1'.repeat(300)}}`],
    ['brackets the wrong way round', '{"params":]}'],
  ])('%s is a 400', (_, json) => {
    expect(() => jsonRpcEnvelope.readRequest(bytes(json))).toThrow(badRequest);
  });

  test('an error that is no string is a 400', () => {
    expect(() => jsonRpcEnvelope.readReply(bytes('{"id":"1","error":{"code":1}}'))).toThrow(badRequest);
  });

  test('any text is a request or a 400, and what is JSON and a request is one', () => {
    const json = fc.jsonValue({ maxDepth: 2 });
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          json.map((value) => JSON.stringify(value)),
        ),
        (input) => {
          expect(isReadOr400(() => jsonRpcEnvelope.readRequest(bytes(input)))).toBe(true);
          expect(isReadOr400(() => jsonRpcEnvelope.readReply(bytes(input)))).toBe(true);
        },
      ),
    );
    fc.assert(
      fc.property(
        json,
        fc.string({ maxLength: 50 }),
        fc.string({ maxLength: 50 }),
        json,
        (value, method, id, extra) => {
          const read = jsonRpcEnvelope.readRequest(bytes(JSON.stringify({ extra, id, params: [value, 1], method })));
          const wellFormed = JSON.parse(text(bytes(JSON.stringify([method, id]))));
          expect([read.method, read.id]).toEqual(wellFormed);
          expect(text(read.body)).toBe(JSON.stringify(value));
        },
      ),
    );
  });
});

describe('proto-rpc', () => {
  const request = '00000014 0a09 5361792e48656c6c6f 11 0700000000000000 00000006 0a044a6f686e';

  test('a request has the bytes of a Go peer, both ways', () => {
    const body = fromHex('0a044a6f686e');
    expect(hex(protoRpcEnvelope.writeRequest({ method: 'Say.Hello', id: '7', body }))).toBe(hex(fromHex(request)));
    expect(protoRpcEnvelope.readRequest(fromHex(request))).toEqual({ method: 'Say.Hello', id: '7', body });
  });

  test('sequence number 0 is left out, and an id that is no sequence number is written as 0', () => {
    for (const id of ['0', '', 'abc', '-1', '1.5', '18446744073709551616', '9'.repeat(30)]) {
      expect(hex(protoRpcEnvelope.writeRequest({ method: 'A', id, body: EMPTY })), id).toBe('000000030a014100000000');
    }
    expect(protoRpcEnvelope.readRequest(fromHex('00000003 0a0141 00000000')).id).toBe('0');
  });

  test('the largest sequence number keeps its digits', () => {
    const id = '18446744073709551615';
    expect(protoRpcEnvelope.readReply(protoRpcEnvelope.writeReply({ id, body: EMPTY, error: '' })).id).toBe(id);
  });

  test('a reply and an error come back', () => {
    const body = fromHex('0a0a48656c6c6f204a6f686e');
    const reply = { id: '7', body, error: '' };
    expect(asHex(protoRpcEnvelope.readReply(protoRpcEnvelope.writeReply(reply)))).toEqual(asHex(reply));
    const error = { id: '0', body: EMPTY, error: 'boom' };
    expect(hex(protoRpcEnvelope.writeReply(error))).toBe('000000061a04626f6f6d00000000');
    expect(protoRpcEnvelope.readReply(protoRpcEnvelope.writeReply(error))).toEqual(error);
  });

  test('two empty strings, and a missing second one, are an empty request', () => {
    const empty = { method: '', id: '0', body: EMPTY };
    expect(protoRpcEnvelope.readRequest(fromHex('00000000 00000000'))).toEqual(empty);
    expect(protoRpcEnvelope.readRequest(fromHex('00000000'))).toEqual(empty);
  });

  test('fields that nobody knows are passed over', () => {
    const read = protoRpcEnvelope.readRequest(fromHex('0000000a 2001 2a026162 0a024142 00000000'));
    expect(read).toEqual({ method: 'AB', id: '0', body: EMPTY });
  });

  test.each([
    ['nothing', ''],
    ['half a length', '0000'],
    ['a length beyond the end', '00000014 0a09'],
    ['a length far beyond the end', 'ffffffff 00'],
    ['half a second length', '00000003 0a0141 0000'],
    ['a second length beyond the end', '00000003 0a0141 00000002 00'],
    ['something behind the message', '00000003 0a0141 00000001 00 00'],
    ['an envelope cut short', '00000003 0a0941 00000000'],
    ['a sequence number cut short', '00000003 110700 00000000'],
    ['field 0', '00000002 0007 00000000'],
  ])('%s is a 400', (_, digits) => {
    expect(() => protoRpcEnvelope.readRequest(fromHex(digits))).toThrow(badRequest);
  });

  test('a method too long is a 400', () => {
    const written = protoRpcEnvelope.writeRequest({ method: 'x'.repeat(2_000), id: '1', body: EMPTY });
    expect(() => protoRpcEnvelope.readRequest(written)).toThrow(badRequest);
  });

  test('any bytes are a request or a 400, and any request comes back', () => {
    const framed = fc
      .uint8Array({ maxLength: 30 })
      .map((envelope) => [0, 0, 0, envelope.length, ...envelope, 0, 0, 0, 0]);
    fc.assert(
      fc.property(
        fc.oneof(
          fc.uint8Array({ maxLength: 40 }),
          framed.map((list) => Uint8Array.from(list)),
        ),
        (input) => {
          expect(isReadOr400(() => protoRpcEnvelope.readRequest(input))).toBe(true);
          expect(isReadOr400(() => protoRpcEnvelope.readReply(input))).toBe(true);
        },
      ),
      { numRuns: 500 },
    );
    const id = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }).map(String);
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 50 }), id, fc.uint8Array(), (method, sequence, body) => {
        const given = { method, id: sequence, body };
        expect(asHex(protoRpcEnvelope.readRequest(protoRpcEnvelope.writeRequest(given)))).toEqual(asHex(given));
      }),
    );
  });
});

describe('which envelope', () => {
  test('a client renames the two common types alone', () => {
    expect(legacyContentType('application/json')).toBe('application/json-rpc');
    expect(legacyContentType('application/protobuf')).toBe('application/proto-rpc');
    for (const other of ['application/octet-stream', 'application/grpc', 'application/json-rpc', 'text/plain']) {
      expect(legacyContentType(other)).toBe(other);
    }
  });

  test('the legacy types always have theirs, the plain ones for a legacy peer alone, others never', () => {
    const json = { envelope: jsonRpcEnvelope, contentType: LEGACY_JSON };
    const proto = { envelope: protoRpcEnvelope, contentType: 'application/protobuf' };
    for (const legacy of [true, false]) {
      expect(legacyRoute('application/json-rpc', legacy)).toEqual(json);
      expect(legacyRoute('application/proto-rpc', legacy)).toEqual(proto);
      expect(legacyRoute('application/grpc', legacy)).toBe(undefined);
    }
    expect(legacyRoute('application/json', true)).toEqual(json);
    expect(legacyRoute('application/protobuf', true)).toEqual(proto);
    expect(legacyRoute('application/octet-stream', true)).toEqual({
      envelope: protoRpcEnvelope,
      contentType: 'application/octet-stream',
    });
    for (const contentType of ['application/json', 'application/protobuf', 'application/octet-stream']) {
      expect(legacyRoute(contentType, false)).toBe(undefined);
    }
  });
});

function isReadOr400(run: () => unknown): boolean {
  try {
    run();
    return true;
  } catch (error) {
    return error instanceof MicroError && error.code === CODE.badRequest;
  }
}
