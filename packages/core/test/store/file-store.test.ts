import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ClassicLevel } from 'classic-level';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { eventually } from '../../src/conformance/eventually.ts';
import { runConformance } from '../../src/conformance/run.ts';
import { storeCases } from '../../src/conformance/store.ts';
import type { Store } from '../../src/contract/store.ts';
import { CODE } from '../../src/error/code.ts';
import { type FileStoreOptions, fileStore } from '../../src/store/file-store.ts';

let root = '';
let folders = 0;
const folder = (): string => join(root, `store-${folders++}`);

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'micro-store-'));
});
afterAll(() => rm(root, { recursive: true, force: true }));

describe('fileStore conforms', () => {
  runConformance({
    test,
    cases: storeCases,
    world: () => {
      const store = fileStore({ path: folder() });
      return { create: () => store, close: () => store.close() };
    },
  });
});

describe('fileStore conforms without waiting for the disk', () => {
  runConformance({
    test,
    cases: storeCases,
    world: () => {
      const store = fileStore({ path: folder(), sync: false, database: 'd', table: 't' });
      return { create: () => store, close: () => store.close() };
    },
  });
});

/** Gives a store to `use` and closes it. */
async function using<T>(options: FileStoreOptions, use: (store: Store) => Promise<T>): Promise<T> {
  const store = fileStore(options);
  try {
    return await use(store);
  } finally {
    await store.close();
  }
}

const a = { key: 'a', value: Buffer.from('one') };

describe('a file store', () => {
  test('keeps records, their metadata and their ends until the next time', async () => {
    const path = folder();
    await using({ path }, async (store) => {
      await store.write({ ...a, metadata: { n: 1 } }, { ttlMs: 60_000, table: 't' });
    });
    await using({ path }, async (store) => {
      const [record] = await store.read('a', { table: 't' });
      expect(Buffer.from(record?.value ?? []).toString()).toBe('one');
      expect(record?.metadata).toEqual({ n: 1 });
      expect(record?.expiresAt).toBeGreaterThan(Date.now() + 50_000);
    });
  });

  test('touches the disk no earlier than its first call', async () => {
    const path = folder();
    await fileStore({ path }).close();
    await expect(stat(path)).rejects.toThrow('ENOENT');
  });

  test.skipIf(process.platform === 'win32')('makes a folder that only its owner can read', async () => {
    const path = join(folder(), 'deep');
    await using({ path }, (store) => store.write(a));
    expect((await stat(path)).mode & 0o777).toBe(0o700);
  });

  test('refuses a folder that is open already, and works once it was closed', async () => {
    const path = folder();
    const second = fileStore({ path });
    await using({ path }, async (first) => {
      await first.write(a);
      await expect(second.read('a')).rejects.toMatchObject({
        code: CODE.conflict,
        detail: expect.stringMatching(/^the file store at .* is open already, here or in another process; give each/),
      });
      await expect(second.write(a)).rejects.toMatchObject({ code: CODE.conflict });
      expect(await first.list()).toEqual(['a']);
    });
    expect(await second.list()).toEqual(['a']);
    await second.close();
  });

  test('says what is wrong with a path that is no folder, and with a folder that is not its own', async () => {
    const file = folder();
    await writeFile(file, '');
    await using({ path: join(file, 'x') }, async (store) => {
      await expect(store.list()).rejects.toMatchObject({
        code: CODE.unavailable,
        detail: expect.stringContaining(`the file store at ${join(file, 'x')} cannot be opened`),
      });
    });
    expect(() => fileStore({ path: '' })).toThrow('needs the path of a folder');

    const other = folder();
    const level = new ClassicLevel(other);
    await level.put('x', 'y');
    await level.close();
    await using({ path: other }, async (store) => {
      await expect(store.list()).rejects.toMatchObject({ detail: expect.stringContaining('was not written by') });
    });
    const newer = folder();
    const future = new ClassicLevel(newer);
    await future.put('f', '2');
    await future.close();
    await using({ path: newer }, async (store) => {
      await expect(store.list()).rejects.toMatchObject({ detail: expect.stringContaining('has format 2') });
    });
  });

  test('puts no name and no key into the names of its files', async () => {
    const path = folder();
    await using({ path }, (store) => store.write({ ...a, key: '../../escaped' }, { database: '..', table: '../up' }));
    expect(
      (await readdir(path)).filter((name) => !/^(CURRENT|LOCK|LOG(\.old)?|MANIFEST-\d+|\d+\.(log|ldb))$/.test(name)),
    ).toEqual([]);
  });

  test('removes records that ended, and no others, from the disk', async () => {
    const path = folder();
    await using({ path, sweepMs: 20 }, async (store) => {
      for (const key of ['ended', 'replaced', 'longer', 'deleted']) {
        await store.write({ ...a, key }, { ttlMs: key === 'longer' ? 60_000 : 5 });
      }
      await store.write({ ...a, key: 'replaced' });
      await store.delete('deleted');
      await store.write({ ...a, key: 'longer' }, { ttlMs: 30_000 });
      await store.close();
    });
    const seen = (): Promise<readonly string[]> => keysOnDisk(path);
    await eventually(
      async () => {
        await using({ path, sweepMs: 5 }, async (store) => {
          await eventually(async () => expect(await store.list()).toEqual(['longer', 'replaced']));
          await new Promise((resolve) => setTimeout(resolve, 20));
        });
        expect(await seen()).toEqual(['e longer', 'f', 'm longer', 'm replaced', 'v longer', 'v replaced']);
      },
      { timeoutMs: 20_000 },
    );
  });

  test('writes what was asked for before it closes', async () => {
    const path = folder();
    const store = fileStore({ path });
    const writes = Array.from({ length: 100 }, (_, index) => store.write({ ...a, key: `k${index}` }));
    await store.close();
    await Promise.all(writes);
    expect((await using({ path }, (again) => again.list())).length).toBe(100);
  });

  test('refuses writes on top of what may wait, and takes them once that is written', async () => {
    await using({ path: folder(), maxPendingBytes: 1_000 }, async (store) => {
      const value = new Uint8Array(600);
      const results = await Promise.allSettled(['a', 'b'].map((key) => store.write({ key, value })));
      expect(results).toMatchObject([{ status: 'fulfilled' }, { reason: { code: CODE.tooManyRequests } }]);
      await store.write({ key: 'b', value: new Uint8Array(5_000) });
      expect(await store.list()).toEqual(['a', 'b']);
    });
  });

  test('refuses keys and values beyond its limits', async () => {
    await using({ path: folder(), maxKeyBytes: 3, maxValueBytes: 3 }, async (store) => {
      await store.write({ key: 'abc', value: Buffer.from('abc') });
      await expect(store.write({ ...a, key: 'abcd' })).rejects.toMatchObject({ code: CODE.tooLarge });
      await expect(store.write({ key: 'a', value: Buffer.from('abcd') })).rejects.toMatchObject({
        code: CODE.tooLarge,
      });
    });
  });

  test('reads pages of far more records than it takes from the engine at a time', async () => {
    await using({ path: folder(), sync: false }, async (store) => {
      const keys = Array.from({ length: 3_000 }, (_, index) => `k${String(index).padStart(5, '0')}`);
      await Promise.all(keys.map((key) => store.write({ key, value: Buffer.from(key) })));
      expect(await store.list()).toEqual(keys);
      expect(await store.list({ offset: 700, limit: 3 })).toEqual(keys.slice(700, 703));
      const records = await store.read('9', { suffix: true, offset: 10, limit: 2 });
      expect(records.map(({ key, value }) => [key, Buffer.from(value).toString()])).toEqual([
        ['k00109', 'k00109'],
        ['k00119', 'k00119'],
      ]);
    });
  });

  test('keeps the process alive neither before nor after it is closed', async () => {
    const program = `
      import { fileStore } from ${JSON.stringify(new URL('../../dist/store/file-store.js', import.meta.url).href)};
      const store = fileStore({ path: ${JSON.stringify(folder())} });
      await store.write({ key: 'a', value: new Uint8Array(1) }, { ttlMs: 60000 });
    `;
    const child = execFile(process.execPath, ['--input-type=module', '-e', program], { timeout: 25_000 });
    expect(await once(child, 'close')).toEqual([0, null]);
  });
});

test.skipIf(process.platform !== 'linux')(
  'a file store on a full disk refuses writes and recovers with the disk',
  async () => {
    const program = fileURLToPath(new URL('full-disk-process.mjs', import.meta.url));
    const child = execFile(process.execPath, [program, folder()], { timeout: 25_000 });
    let output = '';
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
    expect(await once(child, 'close')).toEqual([0, null]);
    const { failed, ...result } = JSON.parse(output);
    expect(failed).toBeGreaterThan(0);
    expect(result).toEqual({ codes: [CODE.unavailable], after: 'now', lost: [] });
  },
);

/** What stands on the disk, by kind and key, when the table is the default one. */
async function keysOnDisk(path: string): Promise<readonly string[]> {
  const level = new ClassicLevel<Buffer, Buffer>(path, { keyEncoding: 'buffer', valueEncoding: 'buffer' });
  const keys = await level.keys().all();
  await level.close();
  return keys.map((key) =>
    `${key.toString('latin1', 0, 1)} ${key.toString().split('\u0005micro').at(-1)}`.replace('f f', 'f'),
  );
}

describe('a file store whose process is killed while it writes', () => {
  const ROUNDS = 100;

  test(`has everything that was acknowledged, ${ROUNDS} times`, { timeout: 900_000 }, async () => {
    const path = folder();
    const expected = new Set<string>();
    const deleted = new Set<string>();
    for (let round = 0; round < ROUNDS; round++) {
      for (const line of await killedWriter(path, round)) {
        if (line.startsWith('?')) expected.delete(line.slice(1));
        else if (line.startsWith('-')) deleted.add(line.slice(1));
        else expected.add(line);
      }
    }
    expect(expected.size).toBeGreaterThan(ROUNDS);
    expect(deleted.size).toBeGreaterThan(ROUNDS);
    await using({ path }, async (store) => {
      const records = new Map((await store.read('', { prefix: true })).map((one) => [one.key, one]));
      const missing = [...expected].filter((key) => !records.has(key));
      expect(missing).toEqual([]);
      expect([...deleted].filter((key) => records.has(key))).toEqual([]);
      for (const [key, { value, metadata }] of records) {
        // Also what was not acknowledged any more is there as a whole or not at all.
        const count = Number(key.slice(-6));
        expect(Buffer.from(value).toString()).toBe(key.repeat(1 + (count % 50) * 20));
        expect(metadata).toEqual({ key });
      }
    });
  });
});

/** What a writing process said was acknowledged before it was killed, at a moment that differs with the round. */
async function killedWriter(path: string, round: number): Promise<readonly string[]> {
  const program = fileURLToPath(new URL('writer-process.mjs', import.meta.url));
  const child = spawn(process.execPath, [program, path, String(round)], { stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  let errors = '';
  const enough = 20 + ((round * 37) % 200);
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
    if (output.split('\n').length > enough) child.kill('SIGKILL');
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    errors += text;
  });
  const timer = setTimeout(() => child.kill('SIGKILL'), 20_000);
  const [, signal] = await once(child, 'close');
  clearTimeout(timer);
  expect({ signal, errors, wrote: output.includes('\n') }).toEqual({ signal: 'SIGKILL', errors: '', wrote: true });
  // The last line may have been cut.
  return output.split('\n').slice(0, -1);
}
