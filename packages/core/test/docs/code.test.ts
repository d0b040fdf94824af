import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { ROOT } from '../architecture/run-page.ts';
import { PACKAGE } from '../architecture/source.ts';
import { brokenBlocks, type Snippet, snippetsOf } from './code.ts';
import { pages } from './pages.ts';

test('every block of code says its language, is what it says, and is in the file that it names', () => {
  expect(pages().flatMap((page) => brokenBlocks(page, ROOT))).toEqual([]);
});

test('every block of TypeScript compiles, or says why it is an excerpt', { timeout: 120_000 }, () => {
  expect(compile(pages().flatMap(snippetsOf))).toEqual([]);
});

test('a block that does not compile is found, by the line of its page', { timeout: 60_000 }, () => {
  const text = '# A\n\n```ts\nconst fine = 1;\n\nnope();\n```\n';
  expect(compile(snippetsOf({ path: 'docs/a.md', text }))).toEqual([
    expect.stringMatching(/^docs\/a\.md:6: .*Cannot find name 'nope'/),
  ]);
});

test('blocks that are no JSON, not in their file, without a language or without a reason are found', () => {
  const check = (block: string) => brokenBlocks({ path: 'x.md', text: `${block}\n\`\`\`\n` }, ROOT);
  expect(check('```json\n{')).toHaveLength(1);
  expect(check('```yaml\na: [')).toHaveLength(1);
  expect(check('```\na')).toHaveLength(1);
  expect(check('```ts excerpt\na')).toHaveLength(1);
  expect(check('```ts from=no.ts\na')).toHaveLength(1);
  expect(check('```json from=package.json\n"name": "other"')).toHaveLength(1);
  expect(check('```json from=package.json\n  "name": "micro",')).toEqual([]);
  expect(check('```ts excerpt: a of the page\na')).toEqual([]);
});

/** Compiles blocks, each by itself, against the built packages. Answers with what is wrong, by page and line. */
function compile(snippets: readonly Snippet[]): readonly string[] {
  const folder = mkdtempSync(join(PACKAGE, '.readme-'));
  try {
    const names = new Map(snippets.map((snippet, index) => [`${index}/snippet.ts`, snippet]));
    for (const [name, { path, code }] of names) {
      const place = join(folder, dirname(name));
      mkdirSync(place);
      writeFileSync(join(folder, name), code);
      // What is generated for the tests of a package is there for its page.
      const generated = join(ROOT, dirname(path), 'test/gen');
      if (existsSync(generated)) cpSync(generated, join(place, 'gen'), { recursive: true });
    }
    const tsconfig = {
      extends: join(ROOT, 'tsconfig.base.json'),
      // What an example declares it need not use.
      compilerOptions: { noEmit: true, noUnusedLocals: false, noUnusedParameters: false },
      include: ['*/snippet.ts'],
    };
    writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(tsconfig));
    return errorsOf(folder).map(({ name, line, text }) => {
      const snippet = names.get(name);
      return snippet === undefined ? text : `${snippet.path}:${snippet.line + line - 1}: ${text}`;
    });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function errorsOf(folder: string): { name: string; line: number; text: string }[] {
  const tsc = join(ROOT, 'node_modules/typescript/bin/tsc');
  try {
    execFileSync(process.execPath, [tsc, '-p', folder, '--pretty', 'false'], { encoding: 'utf8', stdio: 'pipe' });
    return [];
  } catch (error) {
    const output = String((error as { stdout?: unknown }).stdout ?? error);
    const found = [...output.matchAll(/^(?:.*\/)?(\d+\/snippet\.ts)\((\d+),\d+\): (.*)$/gm)];
    // What cannot be read as an error of a file must not pass for none.
    if (found.length === 0) return [{ name: '', line: 0, text: output }];
    return found.map(([, name = '', line = '', text = '']) => ({ name, line: Number(line), text }));
  }
}
