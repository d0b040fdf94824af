import pg from 'pg';

/** What answers SQL: a pool, or a client in the middle of a transaction. */
export interface Queryable {
  query<Row extends pg.QueryResultRow>(sql: string, values?: unknown[]): Promise<{ rows: Row[] }>;
}

/**
 * Connections to PostgreSQL, made when they are needed. `PGHOST`, `PGPORT`, `PGDATABASE`, `PGUSER`, `PGPASSWORD` and
 * `PGSSLMODE` say where to, as they do for `psql`.
 */
export function postgresPool(config: pg.PoolConfig = {}): pg.Pool {
  const pool = new pg.Pool({
    max: 10,
    connectionTimeoutMillis: 5_000,
    // The server gives up first, so that nothing runs on for a caller that is gone.
    statement_timeout: 10_000,
    query_timeout: 11_000,
    ...config,
  });
  // An idle connection was lost, which would end the process. The next query makes another one.
  pool.on('error', () => {});
  return pool;
}

/** Throws while the database does not answer. */
export async function answers(database: Queryable): Promise<void> {
  await database.query('SELECT 1');
}

/** Runs `work` in one transaction, which is undone when it throws. */
export async function transaction<T>(pool: pg.Pool, work: (database: Queryable) => Promise<T>): Promise<T> {
  const client = await pool.connect();
  let broken = false;
  try {
    await client.query('BEGIN');
    const result = await work(client);
    await client.query('COMMIT');
    return result;
  } catch (error) {
    await client.query('ROLLBACK').catch(() => {
      broken = true;
    });
    throw error;
  } finally {
    // A connection that may still be in the transaction is not used again.
    client.release(broken);
  }
}
