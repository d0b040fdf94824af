import assert from 'node:assert/strict';
import { createEvent, createService, memoryRegistry, memoryTransport, type Service, silentLogger } from '@micro/core';
import { eventually } from '@micro/core/conformance';
import { missingServer, startNats } from '@micro/test-servers';
import { describe, test } from 'vitest';
import { natsBroker } from '../src/index.ts';

const missing = missingServer('nats');
const skipped = missing === undefined ? '' : ` (skipped: ${missing})`;

interface Created {
  readonly name: string;
}

describe.skipIf(missing !== undefined).each([false, true])(`services with JetStream %s${skipped}`, (jetStream) => {
  test('events reach the handlers of other services with their metadata, and none of a queue is lost in a rolling restart', async () => {
    await using server = await startNats({ jetStream: true });
    const got: string[] = [];
    const make = (name: string): Service =>
      createService({
        name,
        registry: memoryRegistry(),
        transport: memoryTransport(),
        broker: natsBroker({ servers: server.url, jetStream }),
        logger: silentLogger(),
        server: { settleMs: 0 },
      });
    const startMail = async (): Promise<Service> => {
      const mail = make('mail');
      const handler = async (
        { name }: Created,
        ctx: { readonly metadata: { get(key: string): string | undefined } },
      ) => {
        await new Promise((resolve) => setTimeout(resolve, 1));
        got.push(`${name} ${ctx.metadata.get('Tenant')}`);
      };
      mail.server.subscribe('users.created', handler, { queue: 'mail' });
      await mail.start();
      return mail;
    };
    const users = make('users');
    await users.start();
    let mails = [await startMail(), await startMail()];
    const created = createEvent<Created>(users.client, 'users.created');
    const expected: string[] = [];
    const publish = async (count: number): Promise<void> => {
      for (let index = 0; index < count; index += 1) {
        const name = String(expected.length);
        expected.push(`${name} acme`);
        await created.publish({ name }, { metadata: { Tenant: 'acme' } });
      }
    };
    await publish(20);
    for (const old of mails) {
      const fresh = await startMail();
      await Promise.all([publish(50), old.stop()]);
      mails = [...mails, fresh];
    }
    await eventually(() => assert.deepEqual([...got].sort(), [...expected].sort()), { timeoutMs: 15_000 });
    for (const service of [...mails, users]) await service.stop();
  });
});
