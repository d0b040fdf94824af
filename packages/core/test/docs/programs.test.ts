import { expect, test } from 'vitest';
import { hasPrograms, testPage } from '../architecture/run-page.ts';
import { pages } from './pages.ts';

// The README's own programs are run by the architecture tests.
const shown = pages()
  .map(({ path }) => path)
  .filter((path) => path !== 'README.md' && hasPrograms(path));

test('there are pages with programs', () => {
  expect(shown).toContain('docs/writing-a-plugin.md');
});

for (const path of shown) testPage(path);
