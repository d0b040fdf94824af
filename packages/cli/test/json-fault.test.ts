import { expect, test } from 'vitest';
import { jsonFault } from '../src/input/json-fault.ts';

const VALID = [
  '{"name":"John","list":[1,-2.5e+10,true,false,null,{}],"deep":{"a":[[]]}}',
  ' [ "\\u00e4\\n", "ü\u{1f600}" ] ',
  '"\u007f\u2028"',
  '0',
  '{"":{"__proto__":0.1}}',
];

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

test('a text is found faulty exactly when JSON.parse refuses it', () => {
  const noise = ['"', '\\', '{', '}', '[', ']', ',', ':', '0', '1', '-', '.', 'e', 't', 'x', ' ', '\n', '\u0001', ''];
  for (const text of VALID) {
    expect(jsonFault(text)).toBeUndefined();
    for (let at = 0; at <= text.length; at++) {
      for (const char of noise) {
        for (const length of [0, 1]) {
          const changed = text.slice(0, at) + char + text.slice(at + length);
          expect({ changed, isJson: jsonFault(changed) === undefined }).toEqual({ changed, isJson: isJson(changed) });
        }
      }
    }
  }
});

test.each([
  ['', 0, 'a value'],
  ['{"a":01}', 5, 'a value'],
  ['{"a":1,}', 7, 'a name'],
  ['[1 2]', 3, ', or ]'],
  ["{'a':1}", 1, 'a name or }'],
  ['{"a":nul}', 5, 'a value'],
])('%s is faulty at position %d, where %s should stand', (text, position, expected) => {
  expect(jsonFault(text)).toEqual({ position, expected });
});

test('a text as long as a message can be is looked through', () => {
  const long = `{"a":"${'\\n'.repeat(8_000_000)}"`;
  expect(jsonFault(`${long}}`)).toBeUndefined();
  expect(jsonFault(`${long}]`)).toEqual({ position: long.length, expected: ', or }' });
  expect(jsonFault('1'.repeat(16_000_000))).toBeUndefined();
});

test('a text as deep as it is long is looked through', () => {
  expect(jsonFault('['.repeat(200_000))).toEqual({ position: 200_000, expected: 'a value or ]' });
});
