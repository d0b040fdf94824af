import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import type { Conversation, Fixture } from '../src/conversation.ts';
import type { GoCall, GoClient } from '../src/go-client.ts';
import { startGoClient } from '../src/go-client.ts';
import type { GoServer } from '../src/go-server.ts';
import { startGoServer } from '../src/go-server.ts';
import { startRecorder } from '../src/recorder.ts';
import { playScript } from '../src/script.ts';
import { CALLS } from './fixture-calls.ts';
import { SCRIPTS } from './fixture-scripts.ts';

const binary = inject('goBinary');

// `npm run capture` writes the files; a test run without it compares what Go writes today with what they say.
describe.skipIf(binary === '')('the fixtures are what go-micro writes', () => {
  let server: GoServer;
  let client: GoClient;

  beforeAll(async () => {
    server = await startGoServer({ binary });
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
});

async function expectFixture(file: string, fixture: Fixture): Promise<void> {
  await expect(`${JSON.stringify(fixture, null, 2)}\n`).toMatchFileSnapshot(`../fixtures/${file}.json`);
}
