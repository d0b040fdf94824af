import { createIsland, type Island } from '@micro/test-servers';
import { afterAll, beforeAll, type TestContext } from 'vitest';

/**
 * Makes a namespace for the tests of a suite. Where none can be made they are skipped with the reason; in CI, as root,
 * where one must be possible, they fail with it.
 */
export function sharedNamespace(): (context: Pick<TestContext, 'skip'>) => Island {
  let made: Island | { readonly missing: string } | undefined;
  beforeAll(async () => {
    made = await createIsland();
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
