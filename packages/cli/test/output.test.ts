import { Writable } from 'node:stream';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { JsonText } from '../src/console/json-text.ts';
import { createOutput, type Format } from '../src/console/output.ts';
import { textOfBytes } from '../src/view/bytes.ts';
import { table } from '../src/view/table.ts';

/** What is printed in a form. */
async function printed(format: Format, print: (output: ReturnType<typeof createOutput>) => Promise<void>) {
  let text = '';
  const stdout = new Writable({
    write(chunk, _, done) {
      text += chunk;
      done();
    },
  });
  await print(createOutput({ stdout, format }));
  return text;
}

const LONG = new JsonText('{"count":9007199254740993,"of":"a"}');

test.each([
  ['text', '{"count":9007199254740993,"of":"a"}\n'],
  ['json', '{"count":9007199254740993,"of":"a"}\n'],
  ['ndjson', '{"count":9007199254740993,"of":"a"}\n'],
  ['yaml', 'count: 9007199254740993\nof: a\n'],
] as const)('as %s no digit of a long integer is lost', async (format, text) => {
  expect(await printed(format, (output) => output.value(LONG))).toBe(text);
});

test('JSON as it came is in other data to the letter, and bigints are integers', async () => {
  const data = { body: LONG, id: 2n ** 63n, text: '":1:' };
  expect(await printed('json', (output) => output.value(data))).toBe(
    '{"body":{"count":9007199254740993,"of":"a"},"id":9223372036854775808,"text":"\\":1:"}\n',
  );
});

test('a text in JSON is as long as a message can be, and lists are as deep', async () => {
  for (const text of [`{"a":"${'\\n'.repeat(8_000_000)}"}`, `${'['.repeat(100_000)}${']'.repeat(100_000)}`]) {
    expect((await printed('text', (output) => output.value(new JsonText(text)))) === `${text}\n`).toBe(true);
  }
});

test('what steers a terminal is escaped, and is there when it is read', async () => {
  const text = '{"a":"\u009b2J\u007f","\u0085":"x"}';
  for (const form of ['text', 'json', 'yaml'] as const) {
    const shown = await printed(form, (output) => output.value(new JsonText(text)));
    expect(shown).not.toMatch(/(?!\n)\p{Cc}/u);
    expect(parse(shown)).toEqual(JSON.parse(text));
  }
});

test('items are one JSON array, which is closed when they end with an error', async () => {
  async function* items() {
    yield { n: 1 };
    yield { n: 2 };
    throw new Error('the end');
  }
  const text = await printed('json', (output) => output.items(items()).catch(() => {}));
  expect(JSON.parse(text)).toEqual([{ n: 1 }, { n: 2 }]);
});

test('no items are an empty array', async () => {
  expect(await printed('json', (output) => output.items([]))).toBe('[]\n');
  expect(await printed('ndjson', (output) => output.items([]))).toBe('');
});

test('items are YAML documents of their own', async () => {
  expect(await printed('yaml', (output) => output.items([{ n: 1 }, { n: 2 }]))).toBe('n: 1\n---\nn: 2\n');
});

test('JSON over several lines has every digit, and nothing of a string is laid out', async () => {
  const data = new JsonText('{ "n":[1.10,9007199254740993,{}],"s":"a{,\\"}:","e":[] }');
  let text = '';
  const stdout = new Writable({
    write(chunk, _, done) {
      text += chunk;
      done();
    },
  });
  await createOutput({ stdout, format: 'json' }).pretty.value(data);
  expect(text).toBe('{\n  "n": [\n    1.10,\n    9007199254740993,\n    {}\n  ],\n  "s": "a{,\\"}:",\n  "e": []\n}\n');
});

test('a row that is far too long does not make the others so', () => {
  const rows = [['x'.repeat(1_000_000), 'a'], ...Array.from({ length: 10_000 }, () => ['y', 'b'])];
  expect(table(rows).length).toBeLessThan(2_000_000);
});

test('bytes are shown as they are, but for what steers a terminal where there is one', () => {
  const bytes = Buffer.from('a\tb\r\n\u001b[2Jc\rd\u009b\n');
  const shown = (isTTY: boolean) => textOfBytes(bytes, { stdout: Object.assign(new Writable(), { isTTY }) });
  expect(shown(false)).toBe(bytes.toString());
  expect(shown(true)).toBe('a\tb\r\n\\u001b[2Jc\\u000dd\\u009b\n');
});
