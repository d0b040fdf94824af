import { afterAll, beforeAll, type TestContext } from 'vitest';
import type { Namespace } from '../src/namespace.ts';
import { createNamespace } from '../src/namespace.ts';

/**
 * Makes a namespace for the tests of a suite. Where none can be made they are skipped with the reason; in CI, as root,
 * where one must be possible, they fail with it.
 */
export function sharedNamespace(): (context: Pick<TestContext, 'skip'>) => Namespace {
  let made: Namespace | { readonly missing: string } | undefined;
  beforeAll(async () => {
    made = await createNamespace();
    if (!('missing' in made)) return;
    if ((process.env.CI ?? '') !== '' && process.getuid?.() === 0) {
      throw new Error(`CI is set and we are root, so the mDNS tests are required, but ${made.missing}`);
    }
    console.warn(`the mDNS tests with Go are skipped: ${made.missing}`);
  });
  afterAll(async () => {
    if (made !== undefined && 'close' in made) await made.close();
  });
  return ({ skip }) => {
    if (made === undefined || 'missing' in made) return skip(made?.missing ?? 'there is no namespace');
    return made;
  };
}
