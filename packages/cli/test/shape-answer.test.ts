import type { Value } from '@micro/core';
import { describe, expect, test } from 'vitest';
import { JsonText } from '../src/console/json-text.ts';
import { shapeAnswer } from '../src/view/shape-answer.ts';

const field = (name: string, type: string, values: readonly Value[] = []): Value => ({ name, type, values });

const PERSON = field('Person', 'Person', [
  field('user_name', 'string'),
  field('age', 'int64'),
  field('tags', '[]string'),
  field('visits', '[]uint64'),
  field('photo', '[]uint8'),
  field('address', 'Address', [field('zip', 'uint32'), field('is_home', 'bool')]),
  field('isPerson_Kind', 'isPerson_Kind'),
  field('labels', ''),
  field('state', 'State'),
]);

function shown(text: string, ...[type]: readonly (Value | undefined)[]): string {
  return shapeAnswer(new JsonText(text), type).text;
}

describe('an answer whose type is registered', () => {
  const person = (text: string): string => shown(text, PERSON);

  test('has the zeros that protobuf and Go leave out, of plain fields alone', () => {
    expect(person('{}')).toBe('{"userName":"","age":0,"tags":[],"visits":[],"photo":""}');
  });

  test('has its 64-bit integers as integers, with all digits, in lists too', () => {
    expect(
      person('{"userName":"a","age":"9007199254740993","tags":["1"],"visits":["18446744073709551615"],"photo":""}'),
    ).toBe('{"userName":"a","age":9007199254740993,"tags":["1"],"visits":[18446744073709551615],"photo":""}');
  });

  test('has messages inside shaped where they are, and none where they are not', () => {
    expect(JSON.parse(person('{"address":{"zip":7}}')).address).toEqual({ zip: 7, isHome: false });
    expect(JSON.parse(person('{}'))).not.toHaveProperty('address');
  });

  test('keeps the names of the .proto when it came with them, as from Go', () => {
    expect(person('{"user_name":"a","age":1}')).toBe('{"user_name":"a","age":1,"tags":[],"visits":[],"photo":""}');
  });

  test('keeps what nobody declared, behind what is', () => {
    expect(person('{"x":{"age":"1"},"age":"2"}')).toMatch(/^{"userName":"","age":2,.*"x":{"age":"1"}}$/);
  });

  test('keeps texts as they are written, also those that look like syntax', () => {
    expect(JSON.parse(person('{"userName":"{\\"a\\":[1,2]} \\u0041, :"}')).userName).toBe('{"a":[1,2]} A, :');
  });

  test('keeps its texts where the type says integers and they are none', () => {
    for (const age of ['"007"', '"1e3"', '"9 "', '""', 'null', '["5"]', '{"age":"5"}']) {
      expect(person(`{"age":${age}}`)).toContain(`"age":${age},`);
    }
    expect(person('{"visits":["1",{"age":"2"}]}')).toContain('"visits":["1",{"age":"2"}]');
    expect(person('{"visits":"1"}')).toContain('"visits":"1"');
  });

  test('is shaped whatever way its names are written, and keeps that', () => {
    expect(person('{"\\u0061ge":"1"}')).toBe('{"userName":"","\\u0061ge":1,"tags":[],"visits":[],"photo":""}');
  });

  test('stays as it came where it is not what the type says', () => {
    for (const address of ['[{"zip":"7"},[]]', '"x"', 'null', '{"@type":"a/B","zip":"1"}', '{"zip":1,"zip":2}']) {
      expect(person(`{"address":${address}}`)).toContain(`"address":${address}`);
    }
    for (const text of ['[{"age":"1"}]', '{"age":"1","age":"2"}']) expect(person(text)).toBe(text);
  });

  test('may be deep and long', () => {
    const deep = `${'{"address":['.repeat(100_000)}${']}'.repeat(100_000)}`;
    expect(person(deep)).toContain(deep.slice(1, -1));
    const long = `"${'\\n'.repeat(8_000_000)}"`;
    expect(person(`{"userName":${long}}`).includes(long)).toBe(true);
  });

  test('is not given anything by a key called __proto__', () => {
    expect(person('{"__proto__":{"age":"1"}}')).toContain('"__proto__":{"age":"1"}');
  });
});

test('an answer of which the registry knows nothing is as it came', () => {
  expect(shown('{"count":"1" }', undefined)).toBe('{"count":"1" }');
  expect(shown('{"count":"1" }', field('Reply', ''))).toBe('{"count":"1" }');
});

test('what is no object is as it came', () => {
  expect(shown('"5"', PERSON)).toBe('"5"');
  expect(shown('null', PERSON)).toBe('null');
});
