import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import type { Conversation, Fixture } from '../src/conversation.ts';
import { startGoBroker } from '../src/go-broker.ts';
import type { GoCall, GoClient } from '../src/go-client.ts';
import { startGoClient } from '../src/go-client.ts';
import type { GoServer } from '../src/go-server.ts';
import { startGoServer } from '../src/go-server.ts';
import { startRecorder } from '../src/recorder.ts';
import { playScript } from '../src/script.ts';
import { eventually } from './eventually.ts';
import { SOME_UUID, timeless } from './fixture.ts';
import { CALLS } from './fixture-calls.ts';
import { DELIVERIES, EVENTS, type EventCase, TOPIC } from './fixture-events.ts';
import { SCRIPTS } from './fixture-scripts.ts';

const binary = inject('goBinary');

// `npm run capture` writes the files; a test run without it compares what Go writes today with what they say.
describe.skipIf(binary === '')('the fixtures are what go-micro writes', () => {
  let server: GoServer;
  let client: GoClient;

  beforeAll(async () => {
    server = await startGoServer({ binary, subscribe: { 'orders.placed': '' } });
    client = await startGoClient({ binary });
  });
  afterAll(async () => {
    await client.close();
    await server.close();
  });

  async function record(about: string, calls: readonly Omit<GoCall, 'address'>[], closedBy?: 'client' | 'server') {
    const recorder = await startRecorder(server.address);
    try {
      let expected = 0;
      for (const call of calls) {
        const outcome = await client.call({ ...call, address: recorder.address });
        if (call.kind !== undefined) expected++;
        else if (outcome.failed > 1) throw new Error(`${about}: ${outcome.errors[0]?.error.text}`);
      }
      const streams = expected > 0;
      // A Go client ends a stream with a message of its own just before it closes.
      if (closedBy !== undefined || streams) {
        const closer = await recorder.closedBy();
        if (closedBy !== undefined) expect(closer, about).toBe(closedBy);
      }
      expect(recorder.connections, about).toBe(1);
      return { about, steps: recorder.steps(), ...(closedBy === undefined ? {} : { closedBy }) };
    } finally {
      await recorder.close();
    }
  }

  for (const [file, cases] of Object.entries(CALLS)) {
    test(`${file}: a Go client and a Go server`, async () => {
      const conversations: Record<string, Conversation> = {};
      for (const [name, { about, calls, closedBy }] of Object.entries(cases)) {
        conversations[name] = await record(about, calls, closedBy);
      }
      const writers = { client: 'go-micro v4.9.0', server: 'go-micro v4.9.0' } as const;
      await expectFixture(file, { writers, conversations });
    });
  }

  for (const [file, cases] of Object.entries(SCRIPTS)) {
    test(`${file}: a script and a Go server`, async () => {
      const conversations: Record<string, Conversation> = {};
      for (const [name, { about, moves }] of Object.entries(cases)) {
        conversations[name] = await playScript(server.address, about, moves);
      }
      await expectFixture(file, { writers: { client: 'script', server: 'go-micro v4.9.0' }, conversations });
    });
  }

  test('broker: a Go publisher and a Go subscriber', async () => {
    const conversations: Record<string, Conversation> = {};
    for (const [name, event] of Object.entries(EVENTS)) conversations[name] = await recordEvents(event);
    const writers = { client: 'go-micro v4.9.0', server: 'go-micro v4.9.0' } as const;
    await expectFixture('broker', { writers, conversations });
  });

  test('broker-answers: a script and a Go subscriber', async () => {
    const subscriber = await startGoBroker({ binary });
    try {
      await subscriber.subscribe(TOPIC, () => {});
      const id = (await subscriber.records())[0]?.nodes[0]?.id.slice(TOPIC.length + 1) ?? '';
      const conversations: Record<string, Conversation> = {};
      for (const [name, { about, moves }] of Object.entries(DELIVERIES)) {
        const toIt = moves.map((move) => ('write' in move ? { write: move.write.replaceAll(SOME_UUID, id) } : move));
        conversations[name] = timelessSteps(await playScript(subscriber.address, about, toIt));
      }
      await expectFixture('broker-answers', {
        writers: { client: 'script', server: 'go-micro v4.9.0' },
        conversations,
      });
    } finally {
      await subscriber.close();
    }
  });
});

/**
 * Publishes events one after the other, each when the one before was answered, over one connection. A Go publisher that has
 * not put the connection away yet dials another one, as it may on a busy machine: then it is all done again.
 */
async function recordEvents(event: EventCase, tries = 10): Promise<Conversation> {
  return (
    (await recordOnce(event)) ?? (tries > 1 ? recordEvents(event, tries - 1) : Promise.reject(new Error(event.about)))
  );
}

/** `undefined` when there was a second connection. */
async function recordOnce({ about, events }: EventCase): Promise<Conversation | undefined> {
  const subscriber = await startGoBroker({ binary });
  const publisher = await startGoBroker({ binary });
  const recorder = await startRecorder(subscriber.address);
  try {
    let received = 0;
    await subscriber.subscribe(TOPIC, () => received++);
    for (const record of await subscriber.records()) {
      const nodes = record.nodes.map((node) => ({ ...node, address: recorder.address }));
      await publisher.register({ ...record, nodes });
    }
    for (const [index, event] of events.entries()) {
      if ('publish' in event) await publisher.publish(TOPIC, event.publish);
      else await publisher.emit(TOPIC, event.emit);
      const isDone = (): boolean =>
        recorder.connections > 1 || (received > index && recorder.steps().length === (index + 1) * 2);
      // Before it has dialled there are no steps to ask for.
      await eventually(async () => (recorder.connections > 0 && isDone() ? true : undefined));
      if (recorder.connections > 1) return undefined;
    }
    return timelessSteps({ about, steps: recorder.steps() });
  } finally {
    await publisher.close();
    await recorder.close();
    await subscriber.close();
  }
}

function timelessSteps(conversation: Conversation): Conversation {
  return { ...conversation, steps: conversation.steps.map(({ from, bytes }) => ({ from, bytes: timeless(bytes) })) };
}

async function expectFixture(file: string, fixture: Fixture): Promise<void> {
  await expect(`${JSON.stringify(fixture, null, 2)}\n`).toMatchFileSnapshot(`../fixtures/${file}.json`);
}
