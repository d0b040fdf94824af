import fc from 'fast-check';
import { expect, it } from 'vitest';
import { createLineSplitter } from '../../src/runtime/lines.ts';

function split(chunks: readonly Buffer[]): string[] {
  const lines: string[] = [];
  const splitter = createLineSplitter((line) => lines.push(line));
  for (const chunk of chunks) splitter.write(chunk);
  splitter.end();
  return lines;
}

it('lines are the same wherever the output is cut, within a character too', () => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom('a', 'é', '世', '😀', '\n', '\r\n')), fc.array(fc.nat(20)), (parts, cuts) => {
      const bytes = Buffer.from(parts.join(''));
      const chunks: Buffer[] = [];
      let at = 0;
      for (const cut of cuts) {
        chunks.push(bytes.subarray(at, at + cut));
        at += cut;
      }
      chunks.push(bytes.subarray(at));
      const expected = bytes.toString().split('\n');
      if (expected.at(-1) === '') expected.pop();
      expect(split(chunks)).toEqual(expected.map((line) => line.replace(/\r$/, '')));
    }),
  );
});

it('a line that is too long comes in pieces', () => {
  const long = 'x'.repeat(40_000);
  expect(split([Buffer.from(`${long}\nend\n`)]).map(({ length }) => length)).toEqual([16_384, 16_384, 7_232, 3]);
  const pieces = split(Array.from({ length: 100 }, () => Buffer.from('y'.repeat(1_000))));
  expect(pieces.join('')).toBe('y'.repeat(100_000));
  expect(Math.max(...pieces.map(({ length }) => length))).toBe(16_384);
});

it('bytes that are no text are lines all the same', () => {
  expect(split([Buffer.from([0xff, 0xfe, 0x0a, 0x00])])).toEqual(['\ufffd\ufffd', '\0']);
});
