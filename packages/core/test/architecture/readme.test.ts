import { expect, test } from 'vitest';
import { filesOf, programsOf } from './readme.ts';
import { testPage } from './run-page.ts';

test('a page is cut into its runnable programs and what they print', () => {
  const page = ['# A', '```ts', 'no', '```', '```ts runnable', 'a;', '', 'b;', '```', '', '```text', '1', '```', ''];
  expect(programsOf(page.join('\n'))).toEqual([{ line: 6, code: 'a;\n\nb;\n', server: undefined, output: '1\n' }]);
  expect(programsOf('```ts runnable\na;\n```\ntext\n```text\n1\n```\n')).toEqual([
    { line: 2, code: 'a;\n', server: undefined, output: undefined },
  ]);
  const table = '```ts runnable\na;\n```\n\n</td></tr>\n</table>\n\nIt prints\n\n```text\n1\n```\n';
  expect(programsOf(table)).toEqual([{ line: 2, code: 'a;\n', server: undefined, output: '1\n' }]);
  expect(programsOf('```ts runnable with=redis\na;\n```\n')).toMatchObject([{ code: 'a;\n', server: 'redis' }]);
});

test('a page is cut into its files, apart from its programs', () => {
  const page = 'A\n```ts file=a-b.test.ts\na;\n```\n```ts\nno;\n```\n```ts runnable\nb;\n```\n';
  expect(filesOf(page)).toEqual([{ line: 3, name: 'a-b.test.ts', code: 'a;\n' }]);
  expect(programsOf(page)).toHaveLength(1);
});

// What the README shows is what works. The other pages are held to the same by test/docs.
testPage('README.md');
