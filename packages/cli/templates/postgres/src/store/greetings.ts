import type { Queryable } from './postgres.ts';

/** Who was greeted, and when. */
export interface Greeting {
  /** A bigint in the database, which JavaScript's numbers cannot hold. */
  readonly id: string;
  readonly name: string;
  readonly greetedAt: Date;
}

/** Writes a greeting down. */
export async function addGreeting(database: Queryable, name: string): Promise<Greeting> {
  const { rows } = await database.query<Greeting>(
    `INSERT INTO greetings (name) VALUES ($1)
     RETURNING id::text, name, greeted_at AS "greetedAt"`,
    [name],
  );
  const [greeting] = rows;
  if (greeting === undefined) throw new Error('the database has returned no row');
  return greeting;
}

/** The newest greetings, the newest first. */
export async function newestGreetings(database: Queryable, limit: number): Promise<Greeting[]> {
  const { rows } = await database.query<Greeting>(
    `SELECT id::text, name, greeted_at AS "greetedAt"
     FROM greetings ORDER BY greeted_at DESC, greetings.id DESC LIMIT $1`,
    [limit],
  );
  return rows;
}
