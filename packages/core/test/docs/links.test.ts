import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ROOT } from '../architecture/run-page.ts';
import { anchorsOf, brokenLinks, linksOf } from './links.ts';
import { pages } from './pages.ts';

test('every relative link of a page leads to a file, and to a heading where it names one', () => {
  expect(pages().flatMap((page) => brokenLinks(page, ROOT))).toEqual([]);
});

test('the check reads the pages that there are', () => {
  const paths = pages().map(({ path }) => path);
  expect(paths).toEqual(
    expect.arrayContaining(['README.md', 'CONTRIBUTING.md', 'docs/wire.md', 'packages/core/README.md']),
  );
});

test('the README leads to every package, plugin and example, and the documentation to every page of it', () => {
  const folders = ['packages', 'plugins', 'examples'].flatMap((parent) =>
    readdirSync(join(ROOT, parent)).map((name) => `${parent}/${name}`),
  );
  const workspaces = folders.filter((folder) => existsSync(join(ROOT, folder, 'package.json')));
  const linked = (path: string) => linksOf(readFileSync(join(ROOT, path), 'utf8'));
  expect(workspaces.filter((folder) => !linked('README.md').includes(folder))).toEqual([]);

  const docs = pages().flatMap(({ path }) => (/^docs\/(?!README)/.test(path) ? [path.replace('docs/', '')] : []));
  expect(docs.filter((path) => !linked('docs/README.md').includes(path))).toEqual([]);
});

test('links are found in text, by reference and in HTML, and not in code', () => {
  const text = '[a](b.md#c "t") `[x](no.md)`\n```md\n[y](no.md)\n```\n[r]: d.md\n<a href="e.md">e</a>';
  expect(linksOf(text)).toEqual(['b.md#c', 'd.md', 'e.md']);
});

test('headings have the anchors that GitHub gives them', () => {
  const text = '# A `b()` & c: d\n## Twice\n## Twice\n```md\n# no\n```\n### [link](x.md) there\n';
  expect([...anchorsOf(text)]).toEqual(['a-b--c-d', 'twice', 'twice-1', 'link-there']);
});

test('a missing file, a missing heading and an anchor into source are each found', () => {
  const check = (text: string) => brokenLinks({ path: 'docs/x.md', text }, ROOT);
  expect(check('[a](no.md)')).toHaveLength(1);
  expect(check('[a](wire.md#no-such-heading)')).toHaveLength(1);
  expect(check('[a](#nowhere)')).toHaveLength(1);
  expect(check('[a](../packages/core/src/index.ts#L1)')).toHaveLength(1);
  expect(check('# Here\n[a](wire.md#frames) [b](#here) [c](https://example.com/x) [d](../packages/core)')).toEqual([]);
});
