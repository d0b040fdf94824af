import { missingServer, startEtcd, startNats, type TestServer } from '@micro/test-servers';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Env, type Running, runHere, runMicro, startMicro } from './support.ts';

/** Starts a subscriber that is known to subscribe. */
async function subscriber(env: Env, ...args: string[]): Promise<Running> {
  const running = startMicro(['subscribe', 'news', ...args], { env });
  await running.printed('subscribed to news');
  return running;
}

function itCarriesEvents(where: () => Env): void {
  test('an event is printed by each subscriber and by one of each queue, as it was published', async () => {
    const env = where();
    const alone = await subscriber(env, '--limit', '2', '-o', 'json');
    const one = await subscriber(env, '--queue', 'q');
    const other = await subscriber(env, '--queue', 'q');
    const long = await runMicro(['publish', 'news', '{"id":9007199254740993}', '-H', 'x-tenant: a'], { env });
    expect(long).toMatchObject({ stdout: '', code: 0 });
    expect(await runMicro(['publish', 'news', '-'], { env, input: '{"last":true}' })).toMatchObject({ code: 0 });

    const { stdout, code } = await alone.ended();
    expect({ code, stdout }).toMatchObject({ code: 0, stdout: expect.stringContaining('{"id":9007199254740993}') });
    expect(JSON.parse(stdout)).toMatchObject([
      { topic: 'news', metadata: { 'X-Tenant': 'a', 'Content-Type': 'application/json' } },
      { topic: 'news', body: { last: true } },
    ]);
    const shared = (): string[] => `${one.stdout()}${other.stdout()}`.trim().split('\n').sort();
    await expect.poll(shared, { timeout: 60_000 }).toEqual(['{"id":9007199254740993}', '{"last":true}']);
    expect(await one.ended('SIGINT')).toMatchObject({ code: 130, stderr: 'subscribed to news\n' });
    expect(await other.ended('SIGTERM')).toMatchObject({ code: 143 });
  });

  test('an event that makes no sense is not published', async () => {
    expect(await runHere(['publish', 'news', '{'], { env: where() })).toMatchObject({ code: 2, stdout: '' });
    expect(await runHere(['publish', 'news', '-H', 'a'], { env: where() })).toMatchObject({ code: 2, stdout: '' });
  });
}

// Subscribers are found in a registry; by mDNS one may be found too late on a machine that is busy, and gets nothing.
const noEtcd = missingServer('etcd');
describe.skipIf(noEtcd !== undefined)(
  `over the http broker${noEtcd === undefined ? '' : ` (skipped: ${noEtcd})`}`,
  () => {
    let etcd: TestServer;
    let env: Env;
    beforeAll(async () => {
      etcd = await startEtcd();
      const registry = { MICRO_REGISTRY: 'etcd', MICRO_REGISTRY_ADDRESS: etcd.url };
      env = { ...registry, MICRO_BROKER: 'http', MICRO_BROKER_ADDRESS: '127.0.0.1:0' };
    });
    afterAll(() => etcd.close());

    itCarriesEvents(() => env);

    test('a publisher says how many got it, and a subscriber that ends leaves nothing in the registry', async () => {
      const running = await subscriber(env);
      expect((await runHere(['publish', 'news', '{}'], { env })).stderr).toBe('published to 1 subscriber\n');
      await running.printed('{}');
      expect(await runHere(['services'], { env })).toMatchObject({ stdout: 'micro.http.broker\n' });
      expect(await running.ended('SIGINT')).toMatchObject({ stdout: '{}\n', code: 130 });
      expect(await runHere(['services'], { env })).toEqual({ stdout: '', stderr: '', code: 0 });
      expect((await runHere(['publish', 'news', '{}'], { env })).stderr).toBe('nobody subscribes to news\n');
    });

    test('a registry that is away ends with 69, as nobody would be found', async () => {
      const away = { env: { ...env, MICRO_REGISTRY_ADDRESS: '127.0.0.1:1' } };
      expect(await runHere(['publish', 'news'], away)).toMatchObject({ code: 69, stdout: '' });
      expect(await runHere(['subscribe', 'news'], away)).toMatchObject({ code: 69, stdout: '' });
    });
  },
);

const missing = missingServer('nats');
describe.skipIf(missing !== undefined)(`over NATS${missing === undefined ? '' : ` (skipped: ${missing})`}`, () => {
  let nats: TestServer;
  beforeAll(async () => {
    nats = await startNats();
  });
  afterAll(() => nats.close());

  itCarriesEvents(() => ({ MICRO_BROKER: 'nats', MICRO_BROKER_ADDRESS: nats.url }));

  test('a broker that is away ends with 69', async () => {
    const env = { MICRO_BROKER: 'nats', MICRO_BROKER_ADDRESS: 'nats://127.0.0.1:1' };
    expect(await runHere(['publish', 'news'], { env })).toMatchObject({ code: 69, stdout: '' });
  });
});
