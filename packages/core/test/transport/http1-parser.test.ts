import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Http1Role } from '../../src/transport/http1-head.ts';
import { Http1Parser } from '../../src/transport/http1-parser.ts';
import { type Limits, limitsFrom, type TransportLimits } from '../../src/transport/limits.ts';

interface Seen {
  readonly messages: { line: string; header: Record<string, string>; id: string | undefined; body: string }[];
  refused: number | undefined;
}

function parse(cuts: readonly Buffer[], role: Http1Role = 'request', limits: Limits = limitsFrom(), end = false): Seen {
  const seen: Seen = { messages: [], refused: undefined };
  const parser = new Http1Parser(role, limits, {
    message(body) {
      const { head } = parser;
      const line = role === 'request' ? `${head.method} ${head.target}` : `${head.status} ${head.reason}`;
      expect(Object.getPrototypeOf(head.header)).toBe(null);
      seen.messages.push({ line, header: { ...head.header }, id: head.id, body: Buffer.from(body).toString('latin1') });
    },
    refused(status) {
      seen.refused = status;
    },
  });
  for (const cut of cuts) parser.feed(cut);
  if (end) parser.finish();
  return seen;
}

const whole = (text: string): Buffer[] => [Buffer.from(text, 'utf8')];
const bytewise = (text: string): Buffer[] => [...Buffer.from(text, 'utf8')].map((byte) => Buffer.from([byte]));

function cutAt(bytes: Buffer, places: readonly number[]): Buffer[] {
  const sorted = [...new Set(places.map((place) => place % (bytes.length + 1)))].sort((a, b) => a - b);
  return [0, ...sorted].map((from, i) => bytes.subarray(from, sorted[i] ?? bytes.length));
}

const EOS_POST =
  'POST / HTTP/1.1\r\nHost: 10.0.0.5:41231\r\nUser-Agent: Go-http-client/1.1\r\nTransfer-Encoding: chunked\r\n' +
  'Accept: application/json\r\nContent-Type: application/json\r\nMicro-Endpoint: Say.Stream\r\nMicro-Error: EOS\r\n' +
  'Micro-Id: 1\r\nMicro-Method: Say.Stream\r\nMicro-Service: greeter\r\nMicro-Stream: 1\r\n\r\n0\r\n\r\n';
const UNARY_POST =
  'POST / HTTP/1.1\r\nHost: 10.0.0.5:41231\r\nUser-Agent: Go-http-client/1.1\r\nContent-Length: 16\r\n' +
  'Accept: application/json\r\nContent-Type: application/json\r\nMicro-Endpoint: Say.Hello\r\nMicro-Id: 7\r\n' +
  'Micro-Method: Say.Hello\r\nMicro-Service: greeter\r\nTimeout: 5000000000\r\n\r\n{"name":"John"}\n';
const UNARY_REPLY =
  'HTTP/1.1 200 OK\r\nContent-Length: 21\r\nAccept: application/json\r\nContent-Type: application/json\r\n' +
  'Micro-Endpoint: Say.Hello\r\nMicro-Id: 7\r\nMicro-Method: Say.Hello\r\nMicro-Service: greeter\r\n' +
  'Timeout: 5000000000\r\nUser-Agent: Go-http-client/1.1\r\nX-Micro-Id: 7\r\n\r\n{"msg":"Hello John"}\n';
const ERROR_REPLY =
  'HTTP/1.1 200 OK\r\nAccept: application/json\r\nMicro-Error: {"id":"greeter","code":404,"detail":"no such user",' +
  '"status":"Not Found"}\r\nMicro-Id: 7\r\nX-Micro-Error: x\r\nContent-Length: 0\r\n\r\n';
const PSEUDO_FIELDS =
  'POST / HTTP/1.1\r\n:path: /Say/Hello\r\n:method: POST\r\nHost: a\r\nTe: trailers\r\nContent-Length: 1\r\n\r\nx';

test('a request as Go writes it is read, without the fields that belong to the framing', () => {
  const { messages, refused } = parse(whole(UNARY_POST + EOS_POST + PSEUDO_FIELDS));
  expect(refused).toBeUndefined();
  expect(messages).toEqual([
    {
      line: 'POST /',
      id: '7',
      body: '{"name":"John"}\n',
      header: {
        'User-Agent': 'Go-http-client/1.1',
        Accept: 'application/json',
        'Content-Type': 'application/json',
        'Micro-Endpoint': 'Say.Hello',
        'Micro-Method': 'Say.Hello',
        'Micro-Service': 'greeter',
        Timeout: '5000000000',
      },
    },
    {
      line: 'POST /',
      id: '1',
      body: '',
      header: {
        'User-Agent': 'Go-http-client/1.1',
        Accept: 'application/json',
        'Content-Type': 'application/json',
        'Micro-Endpoint': 'Say.Stream',
        'Micro-Error': 'EOS',
        'Micro-Method': 'Say.Stream',
        'Micro-Service': 'greeter',
      },
    },
    { line: 'POST /', id: undefined, body: 'x', header: {} },
  ]);
});

test('a reply as Go writes it is read, and one that is an error', () => {
  const { messages, refused } = parse(bytewise(UNARY_REPLY + ERROR_REPLY + UNARY_REPLY), 'response');
  expect(refused).toBeUndefined();
  expect(messages.map(({ line, body }) => [line, body])).toEqual([
    ['200 OK', '{"msg":"Hello John"}\n'],
    ['200 OK', ''],
    ['200 OK', '{"msg":"Hello John"}\n'],
  ]);
  expect(messages[1]?.header['Micro-Error']).toBe(
    '{"id":"greeter","code":404,"detail":"no such user","status":"Not Found"}',
  );
});

test('names are canonical, values are trimmed UTF-8, the first of a repeated field counts, and no name reaches a prototype', () => {
  const { messages } = parse(
    whole(
      'POST / HTTP/1.1\r\nmicro-service:\t grüße, à \t\r\nMICRO-SERVICE: b\r\nx_y:1\r\n__proto__: p\r\nconstructor: c\r\nempty:\r\n\r\n',
    ),
  );
  const header = messages[0]?.header ?? {};
  expect(Object.entries(header)).toEqual([
    ['Micro-Service', 'grüße, à'],
    ['X_y', '1'],
    ['__proto__', 'p'],
    ['Constructor', 'c'],
    ['Empty', ''],
  ]);
});

test('heads with the same fields give the very same header object, and heads with other fields never do', () => {
  const headers: unknown[] = [];
  const parser = new Http1Parser('request', limitsFrom(), {
    message: () => headers.push(parser.head.header),
    refused: () => expect.unreachable(),
  });
  const request = (id: number, fields: string): Buffer =>
    Buffer.from(`POST / HTTP/1.1\r\nContent-Length: 0\r\nA: 1\r\nMicro-Id: ${id}\r\n${fields}\r\n`);
  for (const fields of ['B: 2\r\n', 'B: 2\r\n', 'B: 3\r\n', '', '', 'B: 3\r\nC: 4\r\n']) {
    parser.feed(request(headers.length, fields));
  }
  expect(headers).toEqual([
    { A: '1', B: '2' },
    { A: '1', B: '2' },
    { A: '1', B: '3' },
    { A: '1' },
    { A: '1' },
    { A: '1', B: '3', C: '4' },
  ]);
  expect(headers[1]).toBe(headers[0]);
  expect(headers[4]).toBe(headers[3]);
  expect(new Set(headers).size).toBe(4);
});

test('a field that moves from one place to another is read from its new place', () => {
  const { messages } = parse(
    whole('POST / HTTP/1.1\r\nA: 1\r\nB: 2\r\nMicro-Id: 1\r\n\r\nPOST / HTTP/1.1\r\nB: 2\r\nA: 1\r\nC: 1\r\n\r\n'),
  );
  expect(messages[1]).toMatchObject({ header: { A: '1', B: '2', C: '1' }, id: undefined });
});

test('what a parser remembers of earlier heads never shows in later ones', () => {
  const line = fc.constantFrom(
    'A: 1\r\n',
    'A: 2\r\n',
    'a: 2\r\n',
    'B: 1\r\n',
    'B:  1 \r\n',
    'Timeout: 1\r\n',
    'Timeout: 2\r\n',
    'Micro-Id: 1\r\n',
    'Micro-Id: 2\r\n',
    'Micro-Stream: 1\r\n',
    'Content-Length: 2\r\n',
    'Content-Length: 1\r\n',
    'Transfer-Encoding: chunked\r\n',
    'Connection: close\r\n',
    'bad line\r\n',
  );
  const head = fc
    .tuple(fc.constantFrom('POST / HTTP/1.1\r\n', 'GET /a HTTP/1.0\r\n'), fc.array(line, { maxLength: 4 }))
    .map(([first, lines]) => `${first}${lines.join('')}\r\n`);
  const value = fc.constantFrom('1', '2');
  const alike = fc
    .tuple(value, value, value, value, fc.integer({ min: 0, max: 12 }))
    .map(([a, id, timeout, length, left]) => {
      const lines = [`A: ${a}`, `Micro-Id: ${id}`, `Timeout: ${timeout}`, 'B: 1', `Content-Length: ${length}`];
      return `POST / HTTP/1.1\r\n${lines.map((text, i) => (i === left ? '' : `${text}\r\n`)).join('')}\r\n`;
    });
  const headsOf = fc.oneof(
    fc.array(head, { minLength: 2, maxLength: 12 }),
    fc.array(alike, { minLength: 2, maxLength: 20 }),
  );
  // What a body may look like, so that a head that is matched too far would show.
  const body = (text: string): string => {
    if (text.includes('chunked')) return '0\r\n\r\n';
    return 'A: 1\r\n'.slice(0, Number(/Content-Length: (\d)/.exec(text)?.[1] ?? 0));
  };
  fc.assert(
    fc.property(headsOf, (heads) => {
      const all = parse(heads.map((text) => Buffer.from(text + body(text))));
      const alone = heads.map((text) => parse(whole(text + body(text))));
      const firstRefused = alone.findIndex((seen) => seen.refused !== undefined);
      const read = firstRefused === -1 ? alone : alone.slice(0, firstRefused);
      expect(all.messages).toEqual(read.flatMap((seen) => seen.messages));
      expect(all.refused).toBe(alone[firstRefused]?.refused);
    }),
    { numRuns: 2_000 },
  );
});

// One message, written in one of the ways it can be written.
const fieldName = fc.stringMatching(/^[A-Z][a-z]{0,8}(-[A-Z][a-z]{1,5})?x$/);
const fieldValue = fc.stringMatching(/^[!-~äöü€]{1,12}( [!-~äöü€]{1,5})?$/);
const message = fc
  .record({
    fields: fc.array(fc.tuple(fieldName, fieldValue), { maxLength: 6 }),
    id: fc.option(fc.nat(), { nil: undefined }),
    body: fc.string({ maxLength: 300 }),
    chunks: fc.option(fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 5 }), { nil: undefined }),
    trailer: fc.boolean(),
  })
  .map(({ fields, id, body, chunks, trailer }) => {
    const bytes = Buffer.from(body, 'utf8');
    const parts: Buffer[] = [];
    const lines = fields.map(([name, value]) => `${name}: ${value}\r\n`).join('');
    const idLine = id === undefined ? '' : `Micro-Id: ${id}\r\n`;
    if (chunks === undefined) {
      parts.push(Buffer.from(`POST / HTTP/1.1\r\n${lines}Content-Length: ${bytes.length}\r\n${idLine}\r\n`), bytes);
    } else {
      parts.push(Buffer.from(`POST / HTTP/1.1\r\n${lines}Transfer-Encoding: chunked\r\n${idLine}\r\n`));
      for (let at = 0, i = 0; at < bytes.length; i++) {
        const size = chunks[i % chunks.length] ?? 1;
        const part = bytes.subarray(at, at + size);
        parts.push(
          Buffer.from(`${part.length.toString(16)}${i % 2 === 0 ? '' : ' ;ext=1'}\r\n`),
          part,
          Buffer.from('\r\n'),
        );
        at += size;
      }
      parts.push(Buffer.from(trailer ? '0\r\nX-Trailer: 1\r\n\r\n' : '0\r\n\r\n'));
    }
    const header: Record<string, string> = {};
    for (const [name, value] of fields) header[name] ??= value;
    const expected = { line: 'POST /', header, id: id?.toString(), body: bytes.toString('latin1') };
    return { bytes: Buffer.concat(parts), expected };
  });

test('however the bytes are cut, the messages are the same', () => {
  fc.assert(
    fc.property(
      fc.array(message, { minLength: 1, maxLength: 4 }),
      fc.array(fc.nat(5_000), { maxLength: 12 }),
      (messages, places) => {
        const bytes = Buffer.concat(messages.map((one) => one.bytes));
        const expected = messages.map((one) => one.expected);
        for (const cuts of [[bytes], cutAt(bytes, places), [...bytes].map((byte) => Buffer.from([byte]))]) {
          expect(parse(cuts)).toEqual({ messages: expected, refused: undefined });
        }
      },
    ),
    { numRuns: 150 },
  );
});

test('however the bytes are cut, nonsense is refused or waited for, and never thrown at the reader', () => {
  const piece = fc.oneof(
    fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes)),
    fc
      .constantFrom(
        'POST / HTTP/1.1\r\n',
        'Content-Length: 5\r\n',
        'Transfer-Encoding: chunked\r\n',
        '\r\n',
        '5\r\n',
        'a: b\r\n',
      )
      .map((text) => Buffer.from(text)),
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 8 }), fc.array(fc.nat(400), { maxLength: 6 }), (pieces, places) => {
      const bytes = Buffer.concat(pieces);
      for (const role of ['request', 'response'] as const) {
        const all = parse([bytes], role);
        const cut = parse(cutAt(bytes, places), role);
        const each = parse(
          [...bytes].map((byte) => Buffer.from([byte])),
          role,
        );
        expect(cut.messages).toEqual(all.messages);
        expect(each.messages).toEqual(all.messages);
        // Some of it may be refused a little earlier when it comes in one piece; never something else.
        if (all.refused === undefined) expect([cut.refused, each.refused]).toEqual([undefined, undefined]);
      }
    }),
    { numRuns: 300 },
  );
});

const refusals: Record<string, [number, string]> = {
  'a first line that is none': [400, 'hello world\r\n\r\n'],
  'bytes that are no text': [400, '\u0001\u0002\u0003'],
  'a TLS greeting': [400, '\u0016\u0003\u0001\u0002\u0000'],
  'a method longer than any': [400, 'A'.repeat(30)],
  'a first line with too many words': [400, 'POST / / HTTP/1.1\r\n\r\n'],
  'a first line that ends with a bare line feed': [400, 'POST / HTTP/1.1\n'],
  'HTTP/2': [505, 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
  'HTTP/0.9 with a version': [505, 'GET / HTTP/0.9\r\n\r\n'],
  'a version that is none': [400, 'GET / HTTPS/1.1\r\n\r\n'],
  'a header line without a colon': [400, 'POST / HTTP/1.1\r\nabc\r\n\r\n'],
  'a blank before the colon': [400, 'POST / HTTP/1.1\r\nHost : a\r\n\r\n'],
  'a name that is no token': [400, 'POST / HTTP/1.1\r\nA(b): a\r\n\r\n'],
  'a folded line': [400, 'POST / HTTP/1.1\r\nA: b\r\n c\r\n\r\n'],
  'a NUL in a value': [400, 'POST / HTTP/1.1\r\nA: b\0c\r\n\r\n'],
  'a bare carriage return in a value': [400, 'POST / HTTP/1.1\r\nA: b\rc\r\n\r\n'],
  'a bare line feed in a value': [400, 'POST / HTTP/1.1\r\nA: b\nContent-Length: 3\r\n\r\n'],
  'two lengths': [400, 'POST / HTTP/1.1\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\n'],
  'the same length twice': [400, 'POST / HTTP/1.1\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\n'],
  'a list of lengths': [400, 'POST / HTTP/1.1\r\nContent-Length: 3, 3\r\n\r\n'],
  'a signed length': [400, 'POST / HTTP/1.1\r\nContent-Length: +3\r\n\r\n'],
  'a hexadecimal length': [400, 'POST / HTTP/1.1\r\nContent-Length: 0x3\r\n\r\n'],
  'an empty length': [400, 'POST / HTTP/1.1\r\nContent-Length:\r\n\r\n'],
  'a length and an encoding': [400, 'POST / HTTP/1.1\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n'],
  'an encoding and a length': [400, 'POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n'],
  'chunked twice': [400, 'POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n'],
  'another encoding': [501, 'POST / HTTP/1.1\r\nTransfer-Encoding: gzip, chunked\r\n\r\n'],
  'chunked in HTTP/1.0': [400, 'POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n'],
  'a body over the limit': [413, 'POST / HTTP/1.1\r\nContent-Length: 1000000000\r\n\r\n'],
  'a length with twenty digits': [400, 'POST / HTTP/1.1\r\nContent-Length: 10000000000000000000\r\n\r\n'],
  'a chunk over the limit': [413, 'POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nffffffff\r\n'],
  'a chunk size that overflows': [400, 'POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n'],
  'a chunk size that is none': [400, 'POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n'],
  'an empty chunk size': [400, 'POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n\r\n'],
  'a negative chunk size': [400, 'POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n'],
  'a chunk size that ends with a bare line feed': [400, 'POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\nx'],
  'a chunk longer than its size': [400, 'POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nxx\r\n'],
  'a chunk extension without end': [400, `POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1;${'a'.repeat(2_000)}`],
  'trailers without end': [431, `POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n${'a: b\r\n'.repeat(300)}`],
  'ten thousand fields': [431, `POST / HTTP/1.1\r\n${'a: b\r\n'.repeat(10_000)}\r\n`],
  'a field of a megabyte': [431, `POST / HTTP/1.1\r\nA: ${'a'.repeat(1024 * 1024)}\r\n\r\n`],
  'a first line of a megabyte': [431, `POST /${'a'.repeat(1024 * 1024)}`],
};

for (const [what, [status, text]] of Object.entries(refusals)) {
  test(`${what} is refused with ${status}, in one piece and byte by byte`, () => {
    expect(parse(whole(text))).toEqual({ messages: [], refused: status });
    if (text.length < 100_000) expect(parse(bytewise(text))).toEqual({ messages: [], refused: status });
  });
}

test('what follows a refused message is not read', () => {
  const seen = parse(whole(`${UNARY_POST}POST / HTTP/1.1\r\nbad\r\n\r\n${UNARY_POST}`));
  expect(seen.messages.length).toBe(1);
  expect(seen.refused).toBe(400);
});

test('a head of exactly the limit is read and one byte more is refused', () => {
  const head = 'POST / HTTP/1.1\r\nA: b\r\n\r\n';
  const limits = (maxHeaderBytes: number): Limits => limitsFrom({ maxHeaderBytes });
  for (const cut of [whole, bytewise]) {
    expect(parse(cut(head), 'request', limits(head.length)).messages.length).toBe(1);
    expect(parse(cut(head), 'request', limits(head.length - 1)).refused).toBe(431);
  }
});

test('a limit of 0 is none', () => {
  const none: TransportLimits = { maxHeaderBytes: 0, maxHeaderFields: 0, maxMessageBytes: 0 };
  const text = `POST / HTTP/1.1\r\n${'A: b\r\n'.repeat(20_000)}Content-Length: 3\r\n\r\nabc`;
  expect(parse(whole(text), 'request', limitsFrom(none)).messages[0]?.body).toBe('abc');
});

test('a body of the limit is read, and in chunks one byte more is refused', () => {
  const limits = limitsFrom({ maxMessageBytes: 10 });
  const chunked = 'POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n5\r\nabcde\r\n';
  expect(parse(whole(`${chunked}0\r\n\r\n`), 'request', limits).messages[0]?.body).toBe('abcdeabcde');
  expect(parse(bytewise(`${chunked}1\r\na\r\n`), 'request', limits).refused).toBe(413);
  expect(parse(whole(`HTTP/1.1 200 OK\r\n\r\n${'a'.repeat(11)}`), 'response', limits).refused).toBe(413);
});

test('a response without a length lasts until the connection ends', () => {
  const text = 'HTTP/1.1 500 Internal Server Error\r\n\r\nan error';
  expect(parse(bytewise(text), 'response').messages).toEqual([]);
  expect(parse(bytewise(text), 'response', limitsFrom(), true).messages).toMatchObject([
    { line: '500 Internal Server Error', body: 'an error' },
  ]);
});

test('an interim response is skipped, and a response of a kind that has no body has none', () => {
  const text =
    'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\nHTTP/1.1 200\r\nContent-Length: 1\r\n\r\na';
  expect(parse(bytewise(text), 'response').messages.map(({ line, body }) => [line, body])).toEqual([
    ['204 No Content', ''],
    ['200 ', 'a'],
  ]);
});

test('empty lines before a request are read over, a few of them', () => {
  expect(parse(bytewise(`\r\n\r\n${UNARY_POST}\r\n${UNARY_POST}`)).messages.length).toBe(2);
  expect(parse(bytewise('\r\n\r\n\r\n')).refused).toBe(400);
});

test('an announced body that does not come takes no memory', () => {
  const limits = limitsFrom({ maxMessageBytes: 0 });
  const before = process.memoryUsage();
  const parsers = Array.from({ length: 50 }, () => {
    const parser = new Http1Parser('request', limits, { message() {}, refused() {} });
    parser.feed(Buffer.from('POST / HTTP/1.1\r\nContent-Length: 1000000000\r\n\r\nabc'));
    return parser;
  });
  const after = process.memoryUsage();
  expect(parsers.every((parser) => !parser.idle)).toBe(true);
  expect(after.external + after.arrayBuffers - before.external - before.arrayBuffers).toBeLessThan(8 * 1024 * 1024);
});

test('a large body that comes one byte at a time takes linear time and no memory beside itself', () => {
  const size = 1024 * 1024;
  const parser = new Http1Parser('request', limitsFrom(), {
    message: (body) => bodies.push(body.length),
    refused() {},
  });
  const bodies: number[] = [];
  parser.feed(Buffer.from(`POST / HTTP/1.1\r\nContent-Length: ${size}\r\n\r\n`));
  const one = Buffer.from('a');
  const began = performance.now();
  for (let i = 0; i < size; i++) parser.feed(one);
  expect(bodies).toEqual([size]);
  expect(performance.now() - began).toBeLessThan(5_000);
});

test('a small body does not keep the large chunk alive that it arrived in', () => {
  const bodies: Uint8Array[] = [];
  const parser = new Http1Parser('request', limitsFrom(), { message: (body) => bodies.push(body), refused() {} });
  parser.feed(Buffer.from('POST / HTTP/1.1\r\nContent-Length: 2\r\n\r\nab'.repeat(1_000)));
  expect(bodies.length).toBe(1_000);
  expect(bodies.every((body) => body.buffer.byteLength < 100)).toBe(true);
});
