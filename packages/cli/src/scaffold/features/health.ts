import type { Part } from '../part.ts';
import { templateFiles } from '../read-template.ts';

/** Readiness of the service's own, beside what core answers by itself at `/health/live` and `/health/ready`. */
export function healthPart(): Part {
  return {
    files: templateFiles('health'),
    main: { imports: ["import { ready } from './health.ts';"], checks: ['ready'] },
    readme: `## Health

On its own port the service answers \`GET /health/live\` for as long as it listens, and \`GET /health/ready\` with 200 while it wants to
be called: registered, not stopping, and with every check in \`src/health.ts\` passed. Checks run before each registration, every 30
seconds (\`MICRO_REGISTER_INTERVAL\`, in seconds). While one fails, the service is not in the registry, and its log says which.

A check that fails in all replicas at once takes all of them away. Where the service can still do something without what is
missing, such as another service that it calls, let those calls fail instead.`,
  };
}
