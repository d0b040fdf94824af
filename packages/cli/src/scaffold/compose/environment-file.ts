import type { Variable } from '../part.ts';

/** `.env.example`: each variable below what it is for. */
export function environmentFile(variables: readonly Variable[]): string {
  return variables.map(({ name, value, about }) => `# ${about}\n${name}=${value}\n`).join('\n');
}
