import assert from 'node:assert/strict';
import { after, type TestContext, test } from 'node:test';
import { PGlite } from '@electric-sql/pglite';
import { runner } from 'node-pg-migrate';
import type pg from 'pg';
import { addGreeting, newestGreetings } from '../src/store/greetings.ts';
import { answers, postgresPool } from '../src/store/postgres.ts';

/** A PostgreSQL in this process, in memory. */
const database = new PGlite();
after(() => database.close());

test('greetings come back, the newest first', async (t) => {
  await migrated(t);
  assert.deepEqual(await newestGreetings(database, 10), []);
  await addGreeting(database, 'Ann');
  const { id, name, greetedAt } = await addGreeting(database, "Bobby'); DROP TABLE greetings; --");
  assert.deepEqual([id, name], ['2', "Bobby'); DROP TABLE greetings; --"]);
  assert.ok(greetedAt instanceof Date);

  const newest = await newestGreetings(database, 10);
  assert.deepEqual(
    newest.map((greeting) => greeting.name),
    [name, 'Ann'],
  );
  assert.equal((await newestGreetings(database, 1)).length, 1);
});

test('nobody is greeted without a name', async (t) => {
  await migrated(t);
  await assert.rejects(addGreeting(database, ''), /greetings_name_check/);
});

test('migrations run once, and can be undone', async (t) => {
  await migrated(t);
  assert.equal(await migrate('up'), 0);
  assert.equal(await migrate('down'), 1);
  await assert.rejects(newestGreetings(database, 1), /"greetings" does not exist/);
});

test('a database answers, and one that is not there does not', async (t) => {
  await answers(database);
  const pool = postgresPool({ host: '127.0.0.1', port: 1, user: 'nobody' });
  t.after(() => pool.end());
  await assert.rejects(answers(pool), /ECONNREFUSED/);
});

/** Makes the tables of migrations/, which are gone again after the test. */
async function migrated(t: TestContext): Promise<void> {
  await migrate('up');
  t.after(() => migrate('down'));
}

/** Runs migrations as `npm run migrate` does; how many there were. */
async function migrate(direction: 'up' | 'down'): Promise<number> {
  // It asks its questions as it would ask a client of pg, which answers several statements at once, too.
  const client = {
    async query(question: string | { text: string; values?: unknown[] }, given?: unknown[]) {
      const { text, values = given } = typeof question === 'string' ? { text: question } : question;
      if (values !== undefined && values.length > 0) return database.query(text, values);
      return (await database.exec(text)).at(-1) ?? { rows: [] };
    },
  };
  const ran = await runner({
    dbClient: client as unknown as pg.ClientBase,
    dir: 'migrations',
    migrationsTable: 'pgmigrations',
    direction,
    count: Number.POSITIVE_INFINITY,
    log: () => {},
  });
  return ran.length;
}
