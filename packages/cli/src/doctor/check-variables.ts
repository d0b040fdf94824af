import { MICRO_FLAGS } from '@micro/core/plugin';
import { suggestion } from '../console/suggest.ts';
import type { Finding } from './finding.ts';

const KNOWN: ReadonlySet<string> = new Set(MICRO_FLAGS.map(({ env }) => env));

/** Variables that look like ours and are nobody's: nothing reads them, and nothing says so. */
export function checkVariables(env: Readonly<Record<string, string | undefined>>): readonly Finding[] {
  const odd = Object.keys(env).filter((name) => name.startsWith('MICRO_') && !KNOWN.has(name));
  return odd.flatMap((name) => {
    const meant = suggestion(name, KNOWN);
    // A variable of the user's own may begin so too; only one that is nearly one of ours is worth a word.
    if (meant === undefined) return [];
    const detail = `the variable ${name} is read by nobody`;
    return [{ check: 'variables', status: 'warning' as const, detail, fix: `did you mean ${meant}?` }];
  });
}
