import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Conversation, Fixture, Step } from '../src/conversation.ts';
import type { Move } from '../src/script.ts';
import { playScript } from '../src/script.ts';
import { startOurService } from './our-service.ts';

// These need no Go: what a Go client once wrote is written to our server, which must answer what the Go server answered.

const FILES = ['unary', 'legacy', 'streams', 'shared-connection', 'server-answers', 'server-streams'];

/** Conversations in which we mean to answer otherwise than Go, and why. */
const OTHERWISE: Readonly<Record<string, string>> = {
  'server-answers/json-rpc-by-hand': 'the id of an envelope goes back in the envelope, not in Micro-Id',
  'unary/empty-grpc': 'we write the prefix of an empty message, without which a Go client fails',
  'unary/int64-struct-json': 'JavaScript has no such integers without a protobuf type',
  'legacy/proto-rpc-error': 'we say more about what is missing',
  'server-answers/broken-json': 'our text is not that of encoding/json',
  'server-answers/content-type-with-charset': 'we answer with an error instead of with what looks like success',
  'server-answers/expired-timeout': 'we do not run what nobody waits for',
  'server-streams/half-close': 'we end a stream that the client has half-closed; Go leaves it open',
  'server-streams/unknown-method': 'we say more about what is missing',
  'server-streams/broken-message': 'our text is not that of encoding/json',
};

function read(file: string): Fixture {
  return JSON.parse(readFileSync(new URL(`../fixtures/${file}.json`, import.meta.url), 'utf8')) as Fixture;
}

/** Writes what the client wrote and waits for as many messages as the server wrote, in the same turns. */
function moves({ steps }: Conversation): Move[] {
  const made: Move[] = [];
  let answers = 0;
  for (const { from, bytes } of steps) {
    if (from === 'server') answers++;
    else {
      if (answers > 0) made.push({ await: answers });
      answers = 0;
      made.push({ write: bytes });
    }
  }
  if (answers > 0) made.push({ await: answers });
  return made;
}

/** What matters in a message of a server: status, id, error, and the value in the body whatever its dialect. */
function meaning(bytes: string): object {
  const headEnd = bytes.indexOf('\r\n\r\n');
  const [status = '', ...lines] = bytes.slice(0, headEnd).split('\r\n');
  const header = new Map(lines.map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 2)]));
  const type = header.get('Content-Type') ?? '';
  const body = bytes.slice(headEnd + 4);
  return {
    status,
    id: header.get('Micro-Id'),
    error: header.get('Micro-Error'),
    // Go repeats the content type of the first request even where there is no body.
    type: body === '' ? '' : type,
    value: bodyValue(type, body),
  };
}

function bodyValue(type: string, body: string): unknown {
  const prefixed = type.startsWith('application/grpc');
  const payload = prefixed ? body.slice(5) : body;
  if (payload === '' || !type.includes('json')) return payload;
  // An int64 is a bare number in Go and a string in protobuf's JSON; both are read everywhere.
  const quoted = payload.replaceAll(/(?<!\\)":(-?\d+)(?=[,}])/g, '":"$1"');
  return JSON.parse(Buffer.from(quoted, 'latin1').toString('utf8'));
}

const answersOf = (steps: readonly Step[]): object[] =>
  steps.filter(({ from }) => from === 'server').map(({ bytes }) => meaning(bytes));

describe('what Go clients wrote to Go servers, written to our server', () => {
  let ours: Awaited<ReturnType<typeof startOurService>>;

  beforeAll(async () => {
    ours = await startOurService();
  });
  afterAll(async () => {
    await ours.service.stop();
  });

  for (const file of FILES) {
    for (const [name, conversation] of Object.entries(read(file).conversations)) {
      const key = `${file}/${name}`;
      const otherwise = OTHERWISE[key];
      const title = `${key}: ${conversation.about}`;
      // Where we answer otherwise, this holds as well: a difference that is gone has to be taken off the list.
      const run = otherwise === undefined ? test : test.fails;
      run(otherwise === undefined ? title : `${title}; not so here: ${otherwise}`, async () => {
        const played = await playScript(ours.address, conversation.about, moves(conversation));
        expect(answersOf(played.steps)).toEqual(answersOf(conversation.steps));
      });
    }
  }
});
