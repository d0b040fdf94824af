import { commandsOf } from '../../project/package-manager.ts';
import type { Part } from '../part.ts';
import type { Project } from '../project.ts';
import { templateFiles } from '../read-template.ts';

/** A pool of connections to PostgreSQL, migrations, and a table to begin with. */
export function postgresPart({ names: { service }, packageManager }: Project): Part {
  const { run } = commandsOf(packageManager);
  return {
    files: templateFiles('postgres'),
    scripts: { migrate: 'node-pg-migrate up' },
    dependencies: ['node-pg-migrate', 'pg'],
    devDependencies: ['@electric-sql/pglite', '@types/pg'],
    main: {
      imports: ["import { answers, postgresPool } from './store/postgres.ts';"],
      before: ['const database = postgresPool();', 'const databaseAnswers = () => answers(database);'],
      checks: ['databaseAnswers'],
      hooks: { afterStop: ['() => database.end()'] },
    },
    variables: [
      { name: 'PGHOST', value: '127.0.0.1', about: 'Where PostgreSQL is.' },
      { name: 'PGPORT', value: '5432', about: 'Its port.' },
      { name: 'PGDATABASE', value: service, about: 'The database.' },
      { name: 'PGUSER', value: service, about: 'Who the service is there.' },
      { name: 'PGPASSWORD', value: '', about: 'The password of that user.' },
    ],
    readme: `## PostgreSQL

\`src/store/postgres.ts\` opens a pool of connections, by the same variables as \`psql\`; it is closed when the last call has finished.
While the database does not answer, the service is not in the registry. \`src/store/greetings.ts\` shows how SQL and types meet:
give \`database\` of \`src/main.ts\` to whatever handles your calls.

\`\`\`sh
docker run --rm -p 5432:5432 -e POSTGRES_USER=${service} -e POSTGRES_PASSWORD=secret postgres
PGHOST=127.0.0.1 PGUSER=${service} PGDATABASE=${service} PGPASSWORD=secret ${run('migrate')}
\`\`\`

\`migrations\` are SQL files that run in the order of their names, each once. Tests run them in a PostgreSQL of their own, in memory.`,
  };
}
