import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { eventually } from '@micro/core/conformance';
import { open } from 'lmdb';
import { afterEach, beforeEach, test } from 'vitest';
import { lmdbStore } from '../src/index.ts';

let path = '';
beforeEach(async () => {
  path = await mkdtemp(join(tmpdir(), 'store-lmdb-'));
});
afterEach(() => rm(path, { recursive: true, force: true }));

test('processes that write into one folder at once lose nothing, and what was acknowledged outlives SIGKILL', async () => {
  const writers = [startWriter(path), startWriter(path)];
  const store = lmdbStore({ path });
  try {
    const busy = () => {
      for (const { acknowledged } of writers) assert.ok(acknowledged() > 50, `only ${acknowledged()} writes so far`);
    };
    await eventually(busy, { timeoutMs: 40_000 });
    for (const { child } of writers) await end(child);
    for (const { child, acknowledged } of writers) {
      const keys = new Set(await store.list({ prefix: `${child.pid}/` }));
      for (let number = 0; number <= acknowledged(); number++) {
        assert.ok(keys.has(`${child.pid}/${number}`), `write ${number} of ${acknowledged()} is gone`);
      }
    }
    // The lock of a writer that was killed is nobody's.
    await store.write({ key: 'after', value: Buffer.from('x') });
  } finally {
    await Promise.all(writers.map(({ child }) => end(child)));
    await store.close();
  }
}, 60_000);

test('records that ended leave the disk', async () => {
  const store = lmdbStore({ path, sweepMs: 20 });
  const entries = open({ path, keyEncoding: 'binary', encoding: 'binary' });
  try {
    await store.write({ key: 'short', value: Buffer.from('x') }, { ttlMs: 50 });
    await store.write({ key: 'ever', value: Buffer.from('x') });
    await eventually(() => assert.equal(entries.getCount(), 1), { timeoutMs: 15_000 });
    assert.deepEqual(await store.list(), ['ever']);
  } finally {
    await store.close();
    await entries.close();
  }
});

test('a key that LMDB cannot hold is refused by its length, and the longest one with the longest names is kept', async () => {
  const store = lmdbStore({ path });
  const [database, table] = ['d'.repeat(255), 't'.repeat(255)];
  const longest = { key: 'k'.repeat(1_466), value: Buffer.from('x') };
  await store.write(longest, { database, table });
  assert.deepEqual(await store.list({ database, table }), [longest.key]);
  const longer = { ...longest, key: `${longest.key}k` };
  await assert.rejects(store.write(longer), { code: 413 });
  await store.close();
});

test('a folder that cannot be made is a 503 that names it', async () => {
  const store = lmdbStore({ path: '/dev/null/data' });
  await assert.rejects(store.list(), { code: 503, message: /\/dev\/null\/data/ });
  await store.close();
});

function startWriter(folder: string) {
  const program = join(import.meta.dirname, 'writer.mjs');
  const child = spawn(process.execPath, [program, folder], { stdio: ['ignore', 'pipe', 'inherit'] });
  let last = -1;
  createInterface({ input: child.stdout }).on('line', (line) => {
    last = Number(line);
  });
  return { child, acknowledged: () => last };
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill('SIGKILL');
  await ended;
}
