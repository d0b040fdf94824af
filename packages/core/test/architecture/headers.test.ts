import { expect, test } from 'vitest';
import { HEADER } from '../../src/contract/header.ts';
import { type SourceFile, sourceFiles, stringsOf } from './source.ts';

const names: ReadonlySet<string> = new Set(Object.values(HEADER));

test('the names of header fields stand in contract/header.ts and nowhere else', () => {
  const strays = sourceFiles()
    // Conformance cases judge; one that took the names from the table would agree with a table that is wrong.
    .filter(({ path }) => path !== 'contract/header.ts' && !path.startsWith('conformance/'))
    .flatMap((file) => strayNames(file).map((name) => `${file.path} writes '${name}'`));
  expect(strays).toEqual([]);
});

test('the check finds a name in a string and in a template, and none in a comment or under another spelling', () => {
  const check = (text: string) => strayNames({ path: 'x.ts', text });
  expect(check("send('Micro-Endpoint', 'x-micro-id', `Micro-Topic: a`, 'Micro-New');")).toEqual([
    'Micro-Endpoint',
    'x-micro-id',
    'Micro-Topic: a',
    'Micro-New',
  ]);
  expect(check("header['Content-Type'] = a;")).toEqual(['Content-Type']);
  expect(check("// 'Micro-Id'\n/** 'Micro-Id' */ const a = 'content-type';")).toEqual([]);
});

/** go-micro's own names in any case, and the others exactly as the table has them. */
function strayNames(file: SourceFile): readonly string[] {
  return stringsOf(file).filter((text) => /^(?:x-)?micro-[a-z]/i.test(text) || names.has(text));
}
