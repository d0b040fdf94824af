import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ROOT } from '../architecture/run-page.ts';
import { linksOf } from './links.ts';
import { frameOf } from './translation.ts';

const PAGES = ['README.md', 'README.zh-CN.md'] as const;
const [english, chinese] = PAGES.map((path) => readFileSync(join(ROOT, path), 'utf8')) as [string, string];

test('the Chinese README has the headings, blocks, links, code and tables of the English one', () => {
  expect(frameOf(chinese, PAGES)).toEqual(frameOf(english, PAGES));
});

test('each of the two leads to the other', () => {
  expect(linksOf(english)).toContain('README.zh-CN.md');
  expect(linksOf(chinese)).toContain('README.md');
});

test.each([
  ['a heading of another level', '## Hello\n', '### Hello\n'],
  ['a heading that is missing', '## More\n', '\n'],
  ['a line of code that is another', "name: 'greeter'", "name: 'other'"],
  ['a block of another language', '```sh', '```bash'],
  ['a link to another page', '(docs/wire.md)', '(docs/one-call.md)'],
  ['code that is missing in the text', '`rpc/wire.ts`', 'a file'],
  ['a row that is missing', /^\| \[`examples\/pubsub`\].*\n/m, ''],
])('%s is found', (_, from, to) => {
  expect(english).toMatch(from);
  expect(frameOf(english.replace(from, to), PAGES)).not.toEqual(frameOf(english, PAGES));
});
