import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { missingServer, startRedis, type TestServer } from '@micro/test-servers';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Env, runHere, runMicro } from './support.ts';

const BINARY = Buffer.from([0, 0xff, 0xfe]);

function itKeepsRecords(where: () => Env): void {
  const store = (args: string[], input?: Uint8Array | string) =>
    runHere(['store', ...args], { env: where(), ...(input === undefined ? {} : { input }) });
  const ok = (stdout: string) => ({ stdout, stderr: '', code: 0 });

  test('a record is written, read, listed and deleted', async () => {
    expect(await runMicro(['store', 'write', 'config/a', 'grüße'], { env: where() })).toEqual(ok(''));
    expect(await store(['write', 'config/b', '-'], 'two\n')).toEqual(ok(''));
    expect(await store(['write', 'other', '3'])).toEqual(ok(''));
    expect(await runMicro(['store', 'read', 'config/a'], { env: where() })).toEqual(ok('grüße\n'));
    expect(await store(['read', 'config/b', '-o', 'json'])).toEqual(ok('{"key":"config/b","value":"two\\n"}\n'));
    expect(await store(['list'])).toEqual(ok('config/a\nconfig/b\nother\n'));
    expect(await store(['list', '--prefix', 'config/', '--offset', '1', '--limit', '5'])).toEqual(ok('config/b\n'));
    expect(await store(['list', '--suffix', 'r', '-o', 'json'])).toEqual(ok('[\n"other"\n]\n'));
    expect(await store(['read', 'config/', '--prefix', '-o', 'ndjson'])).toEqual(
      ok('{"key":"config/a","value":"grüße"}\n{"key":"config/b","value":"two\\n"}\n'),
    );
    expect(await store(['delete', 'config/a'])).toEqual(ok(''));
    expect(await store(['delete', 'config/a'])).toEqual(ok(''));
    expect(await store(['read', 'config/a'])).toMatchObject({
      stdout: '',
      stderr: expect.stringContaining('there is no record "config/a"'),
      code: 1,
    });
  });

  test('bytes that are no text are base64 with a mark', async () => {
    expect(await store(['write', 'bytes', '-'], BINARY)).toEqual(ok(''));
    expect(await store(['read', 'bytes'])).toEqual(ok('base64:AP/+\n'));
    expect((await store(['read', 'bytes', '-o', 'json'])).stdout).toBe('{"key":"bytes","value":{"base64":"AP/+"}}\n');
  });

  test('a record may end, and stand in a table of its own', async () => {
    expect(await store(['write', 'brief', 'x', '--ttl', '1h', '--store_table', 'sessions'])).toEqual(ok(''));
    const { stdout } = await store(['read', 'brief', '--store-table=sessions', '-o', 'json']);
    const left = Date.parse(JSON.parse(stdout).expiresAt) - Date.now();
    expect(left).toBeGreaterThan(3_500_000);
    expect(left).toBeLessThanOrEqual(3_600_000);
    expect(await store(['read', 'brief'])).toMatchObject({ code: 1 });
  });
}

describe('a file store', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'micro-store-'));
  });
  afterAll(() => rm(folder, { recursive: true }));

  itKeepsRecords(() => ({ MICRO_STORE: 'file', MICRO_STORE_ADDRESS: join(folder, 'records') }));

  test('takes a value from a file', async () => {
    await writeFile(join(folder, 'value.txt'), 'from a file');
    const env = { MICRO_STORE: 'file', MICRO_STORE_ADDRESS: join(folder, 'records') };
    expect(await runHere(['store', 'write', 'f', '@value.txt'], { env, cwd: folder })).toMatchObject({ code: 0 });
    expect((await runHere(['store', 'read', 'f'], { env })).stdout).toBe('from a file\n');
    expect(await runHere(['store', 'write', 'f', '@nothing.txt'], { env, cwd: folder })).toMatchObject({ code: 2 });
  });
});

const missing = missingServer('redis');
describe.skipIf(missing !== undefined)(`redis${missing === undefined ? '' : ` (skipped: ${missing})`}`, () => {
  let redis: TestServer;
  beforeAll(async () => {
    redis = await startRedis();
  });
  afterAll(() => redis.close());

  itKeepsRecords(() => ({ MICRO_STORE: 'redis', MICRO_STORE_ADDRESS: redis.url }));
});

test('a store that nobody names, or that would be empty, is a usage error which says how to name one', async () => {
  for (const env of [{}, { MICRO_STORE: 'memory' }, { MICRO_STORE_TABLE: 'x' }]) {
    expect(await runHere(['store', 'list'], { env })).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('name the store with --store'),
    });
  }
});
