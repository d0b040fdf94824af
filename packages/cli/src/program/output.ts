import type { Writable } from 'node:stream';
import { Document, parseDocument } from 'yaml';
import { UsageError } from './usage-error.ts';

/** The forms that data can be printed in. */
export const FORMATS = ['text', 'json', 'ndjson', 'yaml'] as const;
/** One of `FORMATS`. */
export type Format = (typeof FORMATS)[number];

/** JSON as it came over the wire: printed to the letter, so that no digit of a long integer is lost. */
export class JsonText {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

/** What a command prints: plain data, bigints, or JSON as it came. */
export type Data = unknown;

/** Prints data to stdout in the form that the user chose. A command uses either `value` or `items`. */
export interface Output {
  readonly format: Format;
  /** Prints one value. `text` is how people read it; without it they get compact JSON. */
  value(data: Data, text?: string): Promise<void>;
  /**
   * Prints values as they come: a line of text or JSON each, YAML documents, or one JSON array, which is closed when the
   * values end, also when they end with an error.
   */
  items<T>(values: AsyncIterable<T> | Iterable<T>, text?: (value: T) => string): Promise<void>;
}

/** Settings of an output. */
export interface OutputOptions {
  readonly stdout: Writable;
  readonly format: Format;
  /** JSON over several lines. */
  readonly pretty?: boolean | undefined;
}

/** Makes the output of a command. */
export function createOutput({ stdout, format, pretty = false }: OutputOptions): Output {
  const print = (text: string): Promise<void> => write(stdout, text.endsWith('\n') ? text : `${text}\n`);
  const json = (data: Data): string => toJson(data, pretty && format !== 'ndjson');

  async function printArray<T>(values: AsyncIterable<T> | Iterable<T>): Promise<void> {
    let before = '[';
    try {
      for await (const value of values) {
        await write(stdout, `${before}\n${json(value)}`);
        before = ',';
      }
    } finally {
      await print(before === '[' ? '[]' : '\n]');
    }
  }

  return {
    format,
    async value(data, text = json(data)) {
      if (format === 'yaml') await print(toYaml(data));
      else await print(format === 'text' ? text : json(data));
    },
    async items(values, text = json) {
      if (format === 'json') return printArray(values);
      let first = true;
      for await (const value of values) {
        if (format !== 'yaml') await print(format === 'text' ? text(value) : json(value));
        else await print(`${first ? '' : '---\n'}${toYaml(value)}`);
        first = false;
      }
    },
  };
}

/** Reads the name of a form. Throws a usage error that lists those there are. */
export function readFormat(text: string): Format {
  const found = FORMATS.find((format) => format === text);
  if (found === undefined) {
    throw new UsageError(`unknown output format ${JSON.stringify(text.slice(0, 80))}: use ${FORMATS.join(', ')}`);
  }
  return found;
}

/** JSON of plain data; bigints are integers in it, and JSON that came over the wire is in it to the letter. */
export function toJson(data: Data, pretty = false): string {
  if (data instanceof JsonText && !pretty) return data.text;
  const texts: string[] = [];
  // What JSON.stringify would round or escape stands for itself until the text is there.
  const mark = `\u{10ffff}${Math.random().toString(36).slice(2)}:`;
  const stand = (text: string): string => `${mark}${texts.push(text) - 1}:`;
  const json = JSON.stringify(
    data instanceof JsonText ? longIntegers(data.text) : data,
    (_, value: unknown) => {
      if (value instanceof JsonText) return stand(value.text);
      return typeof value === 'bigint' ? stand(String(value)) : value;
    },
    pretty ? 2 : undefined,
  );
  if (json === undefined) return 'null';
  return texts.length === 0 ? json : json.replaceAll(new RegExp(`"${mark}(\\d+):"`, 'g'), (_, at) => texts[at] ?? '');
}

function toYaml(data: Data): string {
  const plain = data instanceof JsonText ? longIntegers(data.text) : JSON.parse(toJson(data));
  return new Document(plain).toString({ lineWidth: 0 });
}

/** JSON as data, integers beyond 2^53 as bigints: JSON is YAML, whose parser can tell them apart. */
function longIntegers(text: string): unknown {
  const data: unknown = JSON.parse(text);
  if (!/\d{16}/.test(text)) return data;
  return parseDocument(text, { intAsBigInt: true }).toJS();
}

/** Resolves when the text is handed over, so that a slow reader slows the command down. */
function write(stdout: Writable, text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    stdout.write(text, (error) => {
      if (error) reject(error);
      else resolve();
    });
  });
}
