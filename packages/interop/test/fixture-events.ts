import type { GoEmission, GoMessage } from '../src/go-broker.ts';
import type { Move } from '../src/script.ts';
import { SOME_UUID } from './fixture.ts';
import type { ScriptCase } from './fixture-scripts.ts';

/** The topic of all events that are recorded. */
export const TOPIC = 'users.created';

/** Events that a Go broker publishes to a Go subscriber, over one connection. */
export interface EventCase {
  readonly about: string;
  readonly events: readonly ({ readonly publish: GoMessage } | { readonly emit: GoEmission })[];
}

const bytes = (...values: number[]): Uint8Array => Uint8Array.from(values);

/** The deliveries to record, by name. */
export const EVENTS: Readonly<Record<string, EventCase>> = {
  bytes: {
    about: 'an event of raw bytes with two fields, one of them in UTF-8: JSON with the body in base64',
    events: [{ publish: { header: { name: 'Jörg 世界 <&>', fooBar: '1' }, body: bytes(0, 1, 254, 255) } }],
  },
  empty: { about: 'an event with nothing in it', events: [{ publish: { body: bytes() } }] },
  json: {
    about: 'an event of a Go client in JSON, which ends with a line feed, with an id of its own',
    events: [{ emit: { message: { name: 'John' }, metadata: { 'trace-id': 'a1' } } }],
  },
  protobuf: {
    about: 'an event of a Go client in protobuf',
    events: [{ emit: { message: { name: 'John' }, as: 'call', contentType: 'application/protobuf' } }],
  },
  'two-in-turn': {
    about: 'two events one after the other share a connection',
    events: [{ publish: { body: bytes(1) } }, { publish: { body: bytes(2) } }],
  },
};

function post(path: string, body: string): Move {
  const head = [`POST ${path} HTTP/1.1`, 'Host: {{address}}', `Content-Length: ${body.length}`];
  return { write: [...head, 'Content-Type: application/json', '', body].join('\r\n') };
}

const SUBSCRIBER = `/?id=${TOPIC}-${SOME_UUID}`;
const EVENT = `{"Header":{"Micro-Topic":"${TOPIC}"},"Body":"AAE="}`;
const ONE: Move = { await: 1 };

/** The conversations of a script with a Go subscriber to record, by name. */
export const DELIVERIES: Readonly<Record<string, ScriptCase>> = {
  delivery: { about: 'the least that a delivery needs', moves: [post(SUBSCRIBER, EVENT), ONE] },
  'lower-case-members': {
    about: 'the two members of the JSON are read in any case',
    moves: [post(SUBSCRIBER, EVENT.replace('Header', 'header').replace('Body', 'body')), ONE],
  },
  'unknown-subscription': {
    about: 'an id that nobody has: 200 all the same, and the event is lost',
    moves: [post('/?id=nobody', EVENT), ONE],
  },
  'without-topic': { about: 'an event without a topic', moves: [post(SUBSCRIBER, '{"Header":{},"Body":""}'), ONE] },
  'not-json': { about: 'a body that is not JSON', moves: [post(SUBSCRIBER, 'x'), ONE] },
  'json-null': {
    about: 'the JSON null, at which the handler panics: the connection is closed without an answer',
    moves: [post(SUBSCRIBER, 'null'), { awaitClose: true }],
  },
  get: {
    about: 'another method than POST',
    moves: [{ write: `GET ${SUBSCRIBER} HTTP/1.1\r\nHost: {{address}}\r\n\r\n` }, ONE],
  },
};
