import type { BrokerMessage } from '@micro/core';
import { httpBroker, MicroError, memoryBroker, memoryRegistry, silentLogger } from '@micro/core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Conversation } from '../src/conversation.ts';
import type { Move } from '../src/script.ts';
import { playScript } from '../src/script.ts';
import { readFixture, SOME_UUID } from './fixture.ts';
import { TOPIC } from './fixture-events.ts';
import { CallRequestSchema } from './gen/helloworld_pb.ts';
import { answersOf, partsOf } from './http-meaning.ts';
import { startOurService } from './our-service.ts';

// These need no Go: what a Go client once wrote is written to our server, which must answer what the Go server answered.

const FILES = [
  'unary',
  'legacy',
  'streams',
  'shared-connection',
  'errors',
  'server-answers',
  'server-streams',
  'server-events',
];

/** Conversations in which we mean to answer otherwise than Go, and why. */
const OTHERWISE: Readonly<Record<string, string>> = {
  'server-answers/json-rpc-by-hand': 'the id of an envelope goes back in the envelope, not in Micro-Id',
  'unary/empty-grpc': 'we write the prefix of an empty message, without which a Go client fails',
  'unary/int64-struct-json': 'JavaScript has no such integers without a protobuf type',
  'legacy/proto-rpc-error': 'we say more about what is missing',
  'errors/plain': 'an error of a handler is a MicroError here, of code 500 if it was none',
  'errors/unicode': 'the same; and the line feed stays one, escaped',
  'errors/empty-text': 'an error is an error, also without a text',
  'errors/unknown-handler': 'we say more about what is missing',
  'errors/unknown-method': 'we say more about what is missing',
  'errors/ill-formed-endpoint': 'a bad request has its code',
  'errors/wrong-json': 'a bad request has its code, and our text is not that of encoding/json',
  'errors/unknown-field': 'a bad request has its code, and our text is not that of jsonpb',
  'errors/grpc': 'we say more about what is missing',
  'server-answers/broken-json': 'our text is not that of encoding/json',
  'server-answers/content-type-with-charset': 'we answer with an error instead of with what looks like success',
  'server-answers/expired-timeout': 'we do not run what nobody waits for',
  'server-streams/half-close': 'we end a stream that the client has half-closed; Go leaves it open',
  'server-streams/half-close-and-probe': 'the same, so that nobody has to ask; what asks is ignored',
  'server-streams/unknown-method': 'we say more about what is missing',
  'server-streams/broken-message': 'our text is not that of encoding/json',
  'server-events/event-that-fails': 'the reasons are texts, not JSON inside JSON',
  'server-events/event-that-is-not-json': 'our text is not that of encoding/json',
  'server-events/event-of-unknown-type': 'it counts as a subscriber that failed',
  'broker-answers/unknown-subscription':
    'we say 404, so that our publishers go elsewhere; Go publishers read no status',
  'broker-answers/without-topic': 'the message is at fault, not we: 400',
  'broker-answers/not-json': 'the message is at fault, not we: 400',
};

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

/** A test for each conversation of a file; where we answer otherwise, it has to fail: what is the same belongs off the list. */
function testEach(file: string, run: (conversation: Conversation) => Promise<void>): void {
  for (const [name, conversation] of Object.entries(readFixture(file).conversations)) {
    const key = `${file}/${name}`;
    const otherwise = OTHERWISE[key];
    const title = `${key}: ${conversation.about}`;
    if (otherwise === undefined) test(title, () => run(conversation));
    else test.fails(`${title}; not so here: ${otherwise}`, () => run(conversation));
  }
}

describe('what Go clients wrote to Go servers, written to our server', () => {
  let ours: Awaited<ReturnType<typeof startOurService>>;

  beforeAll(async () => {
    ours = await startOurService({ broker: memoryBroker({ logger: silentLogger() }) });
    const handle = ({ name }: { readonly name: string }): void => {
      if (name === 'fail') throw new MicroError({ id: 'helloworld', code: 400, detail: 'asked to' });
    };
    ours.service.server.subscribe('orders.placed', handle, { message: CallRequestSchema });
  });
  afterAll(async () => {
    await ours.service.stop();
  });

  for (const file of FILES) {
    testEach(file, async (conversation) => {
      const played = await playScript(ours.address, conversation.about, moves(conversation));
      expect(answersOf(played.steps)).toEqual(answersOf(conversation.steps));
    });
  }
});

describe('what Go publishers wrote to Go subscribers, written to our subscriber', () => {
  const received: BrokerMessage[] = [];
  // Its subscription has the id that stands in the recordings.
  const broker = httpBroker({
    registry: memoryRegistry(),
    address: '127.0.0.1:0',
    id: SOME_UUID,
    logger: silentLogger(),
  });

  beforeAll(async () => {
    await broker.connect();
    await broker.subscribe(TOPIC, ({ message }) => received.push(message));
  });
  afterAll(async () => {
    await broker.disconnect();
  });

  const statuses = ({ steps }: Conversation): (string | undefined)[] =>
    steps.filter(({ from }) => from === 'server').map(({ bytes }) => bytes.split(' ')[1]);

  testEach('broker', async (conversation) => {
    received.length = 0;
    const played = await playScript(broker.address ?? '', conversation.about, moves(conversation));
    expect(statuses(played)).toEqual(statuses(conversation));
    const sent = conversation.steps.filter(({ from }) => from === 'client').map(({ bytes }) => eventIn(bytes));
    expect(received.map(({ header, body }) => ({ header: { ...header }, body: Buffer.from(body) }))).toEqual(sent);
  });

  testEach('broker-answers', async (conversation) => {
    const played = await playScript(broker.address ?? '', conversation.about, moves(conversation));
    expect(statuses(played)).toEqual(statuses(conversation));
  });
});

/** The event in a POST of a publisher. */
function eventIn(bytes: string): object {
  const { Header, Body } = JSON.parse(Buffer.from(partsOf(bytes).body, 'latin1').toString('utf8')) as {
    readonly Header: object;
    readonly Body: string;
  };
  return { header: Header, body: Buffer.from(Body, 'base64') };
}
