import { expect, test } from 'vitest';
import { goCamelCase, isEndpointWord, pascalCase } from '../../src/util/go-name.ts';

test.each([
  ['hello', 'Hello'],
  ['Hello', 'Hello'],
  ['some_part', 'SomePart'],
  ['somePart', 'SomePart'],
  ['HTTPGet', 'HTTPGet'],
  ['get2nd', 'Get2Nd'],
  ['foo_1', 'Foo_1'],
  ['foo_Bar', 'Foo_Bar'],
  ['foo__bar', 'Foo_Bar'],
  ['foo_', 'Foo_'],
  ['_hidden', 'XHidden'],
  ['Outer.Inner', 'Outer_Inner'],
  ['outer.inner', 'OuterInner'],
  ['Outer._inner', 'Outer_XInner'],
  ['', ''],
])('protoc-gen-go calls %j %j', (name, goName) => {
  expect(goCamelCase(name)).toBe(goName);
});

test.each([
  ['hello', 'Hello'],
  ['sayHello', 'SayHello'],
  ['say_hello', 'SayHello'],
  ['get2nd', 'Get2nd'],
  ['Hello', 'Hello'],
  ['toURL', 'ToURL'],
])('%s goes on the wire as %s', (name, wireName) => {
  expect(pascalCase(name)).toBe(wireName);
});

test('only words of letters, digits and underscores can stand beside the dot', () => {
  for (const name of ['a', 'A1', 'say_hello']) expect(isEndpointWord(name), name).toBe(true);
  for (const name of ['', '1a', '_a', 'a.b', 'a-b', 'a b', 'é', 'a\n']) expect(isEndpointWord(name), name).toBe(false);
});
