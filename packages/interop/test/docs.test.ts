import { existsSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { readFixture } from './fixture.ts';

/** The last column of the table in `docs/wire.md`, row by row. */
function proofs(): string[] {
  const page = readFileSync(new URL('../../../docs/wire.md', import.meta.url), 'utf8');
  const section = page.split('\n## What Go cannot do\n')[1]?.split('\n## ')[0] ?? '';
  const rows = section.split('\n').filter((line) => line.startsWith('| **'));
  return rows.map((row) => row.split(' | ').at(-1)?.replace(/ \|$/, '') ?? '');
}

/** What is wrong with a proof: a test or a recording that is not there. */
function faultsIn(proof: string): string[] {
  let source = '';
  return proof.split('; ').flatMap((part) => {
    if (part.endsWith('read from its code')) return [];
    const fixture = /^fixture `(.+)\/(.+)`$/.exec(part);
    if (fixture !== null) {
      const [, file = '', name = ''] = fixture;
      return readFixture(file).conversations[name] === undefined ? [part] : [];
    }
    const [, file, title = part] = /^`([\w-]+)`: (.+)$/.exec(part) ?? [];
    if (file !== undefined) {
      const path = new URL(`./${file}.test.ts`, import.meta.url);
      source = existsSync(path) ? readFileSync(path, 'utf8') : '';
    }
    return source.replaceAll('%i', '0').includes(`'${title}`) ? [] : [part];
  });
}

test('what docs/wire.md says that Go cannot do is shown by the tests and recordings that it names', () => {
  expect(proofs().length).toBeGreaterThan(10);
  expect(proofs().flatMap(faultsIn)).toEqual([]);
});

test('a test or a recording that is not there is found', () => {
  expect(faultsIn('`mdns`: no such test; fixture `errors/nothing`; `nothing`: at all')).toHaveLength(3);
});
