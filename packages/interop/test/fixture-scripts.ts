import type { Move } from '../src/script.ts';

/** Moves that a script makes on one connection to a Go server. */
export interface ScriptCase {
  readonly about: string;
  readonly moves: readonly Move[];
}

const HOST = 'Host: {{address}}';

/** A request with these header lines; the length is added. */
function post(lines: readonly string[], body = ''): Move {
  return { write: [`POST / HTTP/1.1`, ...lines, `Content-Length: ${body.length}`, '', body].join('\r\n') };
}

const JSON_LINE = 'Content-Type: application/json';
const CALL = 'Micro-Endpoint: Helloworld.Call';
const JOHN = '{"name":"John"}';

/** One message of a stream with id 7. */
function stream(endpoint: string, body: string): Move {
  return post([HOST, JSON_LINE, `Micro-Endpoint: ${endpoint}`, 'Micro-Id: 7', 'Micro-Stream: 7'], body);
}

/** The message by which a client says that it has no more: chunked, as Go writes every empty body. */
function endOfStream(endpoint: string): Move {
  const head = ['POST / HTTP/1.1', HOST, 'Transfer-Encoding: chunked', JSON_LINE, `Micro-Endpoint: ${endpoint}`];
  return { write: [...head, 'Micro-Error: EOS', 'Micro-Id: 7', 'Micro-Stream: 7', '', '0', '', ''].join('\r\n') };
}

/** An event on the port for calls, of the one topic that the servers of these conversations subscribe to. */
function event(line: string, body: string): Move {
  return post([HOST, line, 'Micro-Topic: orders.placed', 'Micro-Id: 1'], body);
}

const ONE: Move = { await: 1 };
const CLOSED: Move = { awaitClose: true };

/** The conversations to record, by fixture file and name. */
export const SCRIPTS: Readonly<Record<string, Readonly<Record<string, ScriptCase>>>> = {
  'server-answers': {
    minimal: {
      about: 'the least that a call needs',
      moves: [post([HOST, JSON_LINE, CALL, 'Micro-Id: 1'], JOHN), ONE],
    },
    'without-id': { about: 'a call without an id', moves: [post([HOST, JSON_LINE, CALL], JOHN), ONE] },
    'micro-method-only': {
      about: 'the older header in place of Micro-Endpoint',
      moves: [post([HOST, JSON_LINE, 'Micro-Method: Helloworld.Call', 'Micro-Id: 1'], JOHN), ONE],
    },
    'x-micro-headers': {
      about: 'the oldest header names',
      moves: [
        post(
          [HOST, JSON_LINE, 'X-Micro-Service: helloworld', 'X-Micro-Endpoint: Helloworld.Call', 'Micro-Id: 1'],
          JOHN,
        ),
        ONE,
      ],
    },
    'lower-case-names': {
      about: 'header names in lower case come back in canonical case',
      moves: [
        post(
          ['host: {{address}}', 'content-type: application/json', 'micro-endpoint: Helloworld.Call', 'micro-id: 1'],
          JOHN,
        ),
        ONE,
      ],
    },
    'two-calls-in-turn': {
      about: 'a second call after the first reply; its reply repeats a header that only the first request had',
      moves: [
        post([HOST, JSON_LINE, CALL, 'Micro-Id: 1', 'First-Only: 1'], JOHN),
        ONE,
        post([HOST, JSON_LINE, CALL, 'Micro-Id: 2', 'Second-Only: 2'], '{"name":"Jane"}'),
        ONE,
      ],
    },
    'error-then-call': {
      about: 'a call after an error: the connection goes on, and the error of the first does not come back',
      moves: [
        post([HOST, JSON_LINE, 'Micro-Endpoint: Plain.Fail', 'Micro-Id: 1'], '{"code":409,"detail":"taken"}'),
        ONE,
        post([HOST, JSON_LINE, CALL, 'Micro-Id: 2'], JOHN),
        ONE,
      ],
    },
    'empty-body': {
      about: 'an empty body leaves the request as it was made: nothing is set',
      moves: [post([HOST, JSON_LINE, CALL, 'Micro-Id: 1']), ONE],
    },
    'chunked-body': {
      about: 'a body in two chunks',
      moves: [
        {
          write: `POST / HTTP/1.1\r\n${HOST}\r\nTransfer-Encoding: chunked\r\n${JSON_LINE}\r\n${CALL}\r\nMicro-Id: 1\r\n\r\n8\r\n{"name":\r\n7\r\n"John"}\r\n0\r\n\r\n`,
        },
        ONE,
      ],
    },
    'broken-json': {
      about: 'a body that is not JSON',
      moves: [post([HOST, JSON_LINE, CALL, 'Micro-Id: 1'], 'x'), ONE],
    },
    'content-type-with-charset': {
      about: 'a content type that is not known to the letter: a reply that looks like success',
      moves: [post([HOST, 'Content-Type: application/json; charset=utf-8', CALL, 'Micro-Id: 1'], JOHN), ONE],
    },
    'without-content-type': {
      about: 'no content type means protobuf',
      moves: [post([HOST, CALL, 'Micro-Id: 1'], '\n\x04John'), ONE],
    },
    'expired-timeout': {
      about: 'a timeout of 0 has passed; the handler runs all the same and sees an ended context',
      moves: [post([HOST, JSON_LINE, 'Micro-Endpoint: Plain.Sleep', 'Timeout: 0', 'Micro-Id: 1'], '{"ms":60000}'), ONE],
    },
    'event-without-subscriber': {
      about: 'a message with a topic is an event; without a subscriber it is accepted',
      moves: [post([HOST, JSON_LINE, 'Micro-Topic: users.created', 'Micro-Id: 1'], '{"id":1}'), ONE],
    },
    'json-rpc-by-hand': {
      about: 'json-rpc without any Micro header, as curl sends it',
      moves: [post([HOST, JSON_LINE], '{"method":"Helloworld.Call","params":[{"name":"John"}],"id":"1"}'), ONE],
    },
  },
  'server-events': {
    event: {
      about: 'an event on the port for calls: answered with 200 when its subscriber has run, without a body',
      moves: [event('Content-Type: application/json', JOHN), ONE],
    },
    'event-in-protobuf': {
      about: 'an event without a content type is protobuf',
      moves: [event('Trace-Id: a1', '\n\x04John'), ONE],
    },
    'event-that-fails': {
      about: 'an event whose subscriber fails: the errors of all that did, inside a 500',
      moves: [event(JSON_LINE, '{"name":"fail"}'), ONE],
    },
    'event-that-is-not-json': {
      about: 'an event that its subscriber cannot read',
      moves: [event(JSON_LINE, 'x'), ONE],
    },
    'event-of-unknown-type': {
      about: 'an event in a content type that nobody speaks',
      moves: [event('Content-Type: text/klingon', JOHN), ONE],
    },
    'event-then-call': {
      about: 'a call after an event, on the same connection',
      moves: [event(JSON_LINE, JOHN), ONE, post([HOST, JSON_LINE, CALL, 'Micro-Id: 2'], JOHN), ONE],
    },
  },
  'server-refuses': {
    'not-http': { about: 'a first line that is not HTTP', moves: [{ write: 'hello\r\n\r\n' }, CLOSED] },
    'without-host': { about: 'a first request without Host', moves: [post([JSON_LINE, CALL], JOHN), CLOSED] },
    'control-character': {
      about: 'a control character in a header of the first request',
      moves: [post([HOST, JSON_LINE, CALL, 'Bad: \x01'], JOHN), CLOSED],
    },
  },
  'server-streams': {
    'half-close': {
      about: 'a client that ends its direction and goes on receiving; the server sends no EOS of its own then',
      moves: [
        stream('Helloworld.ClientStream', 'null'),
        stream('Helloworld.ClientStream', '{"stroke":3}'),
        stream('Helloworld.ClientStream', '{"stroke":4}'),
        endOfStream('Helloworld.ClientStream'),
        ONE,
      ],
    },
    'half-close-and-probe': {
      about:
        'a server that has answered after the end of the client says nothing more; a message of the same stream for a handler that nobody has brings to light that the stream is over',
      moves: [
        stream('Helloworld.BidiStream', 'null'),
        stream('Helloworld.BidiStream', '{"stroke":3}'),
        ONE,
        endOfStream('Helloworld.BidiStream'),
        // The handler needs a moment to see the end; before that the message would be kept for it.
        { pauseMs: 500 },
        stream('MicroEndOfStreamProbe.Probe', ''),
        ONE,
      ],
    },
    'server-stream': {
      about: 'a server stream opened with null',
      moves: [
        stream('Helloworld.ServerStream', 'null'),
        stream('Helloworld.ServerStream', '{"count":2}'),
        { await: 3 },
      ],
    },
    'server-stream-error': {
      about: 'a server stream that fails: the error in place of EOS',
      moves: [stream('Helloworld.ServerStream', 'null'), stream('Helloworld.ServerStream', '{"count":-1}'), ONE],
    },
    'unknown-method': {
      about: 'a stream to a method that does not exist',
      moves: [stream('Helloworld.Nope', 'null'), ONE],
    },
    'broken-message': {
      about: 'a message of a stream that is not JSON',
      moves: [stream('Helloworld.BidiStream', 'null'), stream('Helloworld.BidiStream', 'x'), ONE],
    },
    'int64-as-string': {
      about: 'an int64 as a JSON string, which the server reads, and answers with a bare number',
      moves: [
        stream('Helloworld.BidiStream', 'null'),
        stream('Helloworld.BidiStream', '{"stroke":"9007199254740993"}'),
        ONE,
        endOfStream('Helloworld.BidiStream'),
      ],
    },
  },
};
