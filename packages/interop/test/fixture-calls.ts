import type { GoCall } from '../src/go-client.ts';

/** Calls that a Go client makes over one connection to a Go server. */
export interface CallCase {
  readonly about: string;
  readonly calls: readonly Omit<GoCall, 'address'>[];
  /** Who must close the connection. */
  readonly closedBy?: 'client' | 'server';
}

/** A new client per conversation: its ids start at 0. */
const fresh = true;
const CALL = { endpoint: 'Helloworld.Call', body: { name: 'John' }, fresh };

const JSON_TYPE = 'application/json';
const PROTOBUF = 'application/protobuf';
const GRPC = 'application/grpc+proto';

/** 2^53 + 1, which a JavaScript number cannot hold. */
const BEYOND = '9007199254740993';

/** The conversations to record, by fixture file and name. */
export const CALLS: Readonly<Record<string, Readonly<Record<string, CallCase>>>> = {
  unary: {
    json: { about: 'a unary call in JSON; both sides end the value with a line feed', calls: [CALL] },
    protobuf: { about: 'a unary call in protobuf', calls: [{ ...CALL, contentType: PROTOBUF }] },
    'octet-stream': {
      about: 'a unary call of raw bytes, 0 to 3',
      calls: [{ endpoint: 'Raw.Echo', as: 'frame', body: 'AAECAw==', contentType: 'application/octet-stream', fresh }],
    },
    grpc: {
      about: 'a unary call with the grpc prefix around protobuf; the server closes the connection after it',
      calls: [{ ...CALL, contentType: 'application/grpc' }],
      closedBy: 'server',
    },
    'grpc+proto': {
      about: 'the same under the longer name',
      calls: [{ ...CALL, contentType: GRPC }],
      closedBy: 'server',
    },
    'grpc+json': {
      about: 'a unary call with the grpc prefix around JSON',
      calls: [{ ...CALL, contentType: 'application/grpc+json' }],
      closedBy: 'server',
    },
    metadata: {
      about: 'metadata travels as headers, in canonical names and raw UTF-8',
      calls: [
        { ...CALL, metadata: { 'trace-id': 'a1', 'x-Grüße': 'dropped', Name: 'Jörg 世界', fooBar: '1', x_y: ' 2 ' } },
      ],
    },
    unicode: { about: 'a body in UTF-8', calls: [{ ...CALL, body: { name: 'Jörg 世界 <&>' } }] },
    'timeout-1500ms': { about: 'the timeout of the caller, in nanoseconds', calls: [{ ...CALL, timeoutMs: 1_500 }] },
    'empty-json': {
      about: 'a message in which nothing is set, in JSON',
      calls: [{ endpoint: 'Plain.Empty', fresh }],
    },
    'empty-protobuf': {
      about: 'a message in which nothing is set, in protobuf: chunked towards the server, length 0 towards the client',
      calls: [{ endpoint: 'Plain.Empty', contentType: PROTOBUF, fresh }],
    },
    'empty-grpc': {
      about:
        'a message in which nothing is set, with the grpc prefix: no body at all, which the Go client takes for an error',
      calls: [{ endpoint: 'Plain.Empty', contentType: GRPC, fresh }],
    },
    'int64-struct-json': {
      about: 'integers of a Go struct beyond 2^53, as bare numbers in JSON',
      calls: [{ endpoint: 'Plain.Int64', rawBody: `{"signed":-${BEYOND},"unsigned":18446744073709551615}`, fresh }],
    },
    'int64-proto-json': {
      about: 'an int64 field of a protobuf message beyond 2^53, as a bare number in JSON',
      calls: [{ endpoint: 'Plain.Int64Proto', body: { count: BEYOND }, fresh }],
    },
    'int64-proto-protobuf': {
      about: 'the same in protobuf',
      calls: [{ endpoint: 'Plain.Int64Proto', body: { count: BEYOND }, contentType: PROTOBUF, fresh }],
    },
    struct: {
      about: 'a Go struct with bytes, a map, a slice and a duration, as encoding/json writes them',
      calls: [
        {
          endpoint: 'Plain.Struct',
          body: {
            name: 'Ann',
            age: 41,
            picture: '/wA=',
            tags: { b: '2', a: '1' },
            friends: [{ name: 'Bo' }],
            pause: 1_500_000_000,
          },
          fresh,
        },
      ],
    },
  },
  legacy: {
    'json-rpc': {
      about:
        'a node whose registry record has no protocol: JSON becomes json-rpc, Accept keeps the name that was asked for',
      calls: [{ ...CALL, legacy: true }],
    },
    'proto-rpc': {
      about: 'the same for protobuf: two netstrings, the envelope and the message',
      calls: [{ ...CALL, legacy: true, contentType: PROTOBUF }],
    },
    'json-rpc-error': {
      about: 'an error in json-rpc: the id is empty, the header has the same text',
      calls: [{ endpoint: 'Plain.Fail', body: { code: 404, detail: 'no such user' }, legacy: true, fresh }],
      closedBy: 'client',
    },
    'proto-rpc-error': {
      about: 'an error in proto-rpc: a method that does not exist',
      calls: [{ ...CALL, endpoint: 'Plain.Nope', as: 'call', legacy: true, contentType: PROTOBUF }],
      closedBy: 'client',
    },
  },
  errors: {
    'micro-404': {
      about: 'a go-micro error: its JSON in Micro-Error, status 200, no body; the client closes after any error',
      calls: [{ endpoint: 'Plain.Fail', body: { code: 404, detail: 'no such user' }, fresh }],
      closedBy: 'client',
    },
    'micro-499': {
      about: 'a code for which Go has no reason phrase: no status',
      calls: [{ endpoint: 'Plain.Fail', body: { code: 499, detail: 'the caller left' }, fresh }],
      closedBy: 'client',
    },
    plain: {
      about: 'an error that is not a go-micro error: its text',
      calls: [{ endpoint: 'Plain.Fail', body: { detail: 'boom' }, fresh }],
      closedBy: 'client',
    },
    unicode: {
      about: 'an error text with UTF-8, a line feed (which becomes a blank) and a per cent sign',
      calls: [{ endpoint: 'Plain.Fail', body: { detail: 'größer als 100 %\nzweite Zeile' }, fresh }],
      closedBy: 'client',
    },
    'empty-text': {
      about:
        'an error whose text is empty: no Micro-Error and no body, which a client of JSON takes for a broken reply',
      calls: [{ endpoint: 'Plain.Fail', body: { detail: '' }, fresh }],
      closedBy: 'client',
    },
    'unknown-handler': {
      about: 'a handler that does not exist',
      calls: [{ ...CALL, endpoint: 'Nobody.Call' }],
      closedBy: 'client',
    },
    'unknown-method': {
      about: 'a method that does not exist',
      calls: [{ ...CALL, endpoint: 'Helloworld.Nope' }],
      closedBy: 'client',
    },
    'ill-formed-endpoint': {
      about: 'an endpoint that is not two names with a dot between',
      calls: [{ ...CALL, endpoint: 'Helloworld' }],
      closedBy: 'client',
    },
    'wrong-json': {
      about: 'a body that does not fit the type of the handler',
      calls: [{ ...CALL, as: 'json', body: { name: 1 } }],
      closedBy: 'client',
    },
    'unknown-field': {
      about: 'a field that the protobuf type does not have',
      calls: [{ ...CALL, as: 'json', body: { nome: 'John' } }],
      closedBy: 'client',
    },
    grpc: {
      about: 'an error of a call with the grpc prefix: Grpc-Status and Grpc-Message beside Micro-Error',
      calls: [{ ...CALL, endpoint: 'Helloworld.Nope', as: 'call', contentType: GRPC }],
    },
  },
  'shared-connection': {
    'header-echo': {
      about: 'three calls one after the other: each reply repeats the headers of the first request, the third as well',
      calls: [
        { ...CALL, fresh: false, metadata: { First: '1' } },
        { ...CALL, fresh: false, metadata: { Second: '2' } },
        { endpoint: 'Plain.Big', body: { size: 3 }, contentType: JSON_TYPE },
      ],
    },
  },
  // Not with the grpc prefix: a Go server then takes the message that opens a stream for the first of its messages, so the
  // handler has ended before the request arrives, and how that goes on is a matter of luck.
  streams: Object.fromEntries(
    [JSON_TYPE, PROTOBUF].flatMap((contentType) => {
      const type = contentType.slice('application/'.length);
      const shared = { contentType, fresh };
      const entry = (
        name: string,
        about: string,
        call: Omit<GoCall, 'address' | 'contentType'>,
      ): [string, CallCase] => [`${name}-${type}`, { about: `${about}, in ${type}`, calls: [{ ...shared, ...call }] }];
      return [
        entry('server', 'a server stream of three messages: an empty one opens it, the request follows, EOS ends it', {
          endpoint: 'Helloworld.ServerStream',
          kind: 'server',
          body: { count: 3 },
        }),
        entry('server-empty', 'a server stream without messages', {
          endpoint: 'Helloworld.ServerStream',
          kind: 'server',
          body: {},
        }),
        entry('server-error', 'a server stream that fails', {
          endpoint: 'Helloworld.ServerStream',
          kind: 'server',
          body: { count: -1 },
        }),
        entry(
          'client',
          'a client stream, ended by a mark of the application (-1) since a Go client has no half-close',
          {
            endpoint: 'Helloworld.ClientStream',
            kind: 'client',
            bodies: [{ stroke: 3 }, { stroke: 4 }, { stroke: -1 }],
          },
        ),
        entry('bidi', 'a stream in both directions, one message each in turn', {
          endpoint: 'Helloworld.BidiStream',
          kind: 'bidi',
          bodies: [{ stroke: 1 }, { stroke: 0 }, { stroke: BEYOND }],
        }),
        entry('timeout', 'a stream with a StreamTimeout of 2 s', {
          endpoint: 'Helloworld.BidiStream',
          kind: 'bidi',
          bodies: [{ stroke: 1 }],
          streamTimeoutMs: 2_000,
        }),
      ];
    }),
  ),
};
