import type { Writable } from 'node:stream';
import { shown } from '@micro/core/plugin';
import { JsonText, layOutJson } from './json-text.ts';
import { UsageError } from './usage-error.ts';
import { visible } from './visible.ts';

/** The forms that data can be printed in. */
export const FORMATS = ['text', 'json', 'ndjson', 'yaml'] as const;
/** One of `FORMATS`. */
export type Format = (typeof FORMATS)[number];

/** What a command prints: plain data, bigints, or `JsonText`. */
export type Data = unknown;

/** Prints data to stdout in the form that the user chose. A command uses either `value` or `items`. */
export interface Output {
  readonly format: Format;
  /** The same with JSON over several lines, unless it is `ndjson`. */
  readonly pretty: Output;
  /** Data as JSON, on one line or over several, as it is printed. */
  json(data: Data): string;
  /** Prints one value. `text` is how people read it; without it they get JSON. */
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

const INDENT = 2;

/** Makes the output of a command. */
export function createOutput({ stdout, format, pretty = false }: OutputOptions): Output {
  const spaces = pretty && format !== 'ndjson' ? INDENT : 0;
  const print = (text: string): Promise<void> => write(stdout, text.endsWith('\n') ? text : `${text}\n`);
  const json = (data: Data): string => toJson(data, spaces);

  async function printArray<T>(values: AsyncIterable<T> | Iterable<T>): Promise<void> {
    const line = `\n${' '.repeat(spaces)}`;
    let before = '[';
    let failed = false;
    try {
      for await (const value of values) {
        await write(stdout, `${before}${line}${json(value).replaceAll('\n', line)}`);
        before = ',';
      }
    } catch (error) {
      failed = true;
      throw error;
    } finally {
      const closed = print(before === '[' ? '[]' : '\n]');
      // What the values ended with is the news, not that nobody reads it.
      await (failed ? closed.catch(() => {}) : closed);
    }
  }

  return {
    format,
    json,
    get pretty() {
      return createOutput({ stdout, format, pretty: true });
    },
    async value(data, text = json(data)) {
      if (format === 'yaml') await print(await toYaml(data));
      else await print(format === 'text' ? text : json(data));
    },
    async items(values, text = json) {
      if (format === 'json') return printArray(values);
      let before = '';
      for await (const value of values) {
        if (format === 'yaml') await print(`${before}${await toYaml(value)}`);
        else await print(format === 'text' ? text(value) : json(value));
        before = '---\n';
      }
    },
  };
}

/** Reads the name of a form. Throws a usage error that lists those there are. */
export function readFormat(text: string): Format {
  const found = FORMATS.find((format) => format === text);
  if (found === undefined) {
    throw new UsageError(`unknown output format ${shown(text)}: use ${FORMATS.join(', ')}`);
  }
  return found;
}

/**
 * JSON of plain data on one line, or over several with so many spaces of indentation; bigints are integers in it, and
 * `JsonText` is in it as it is written.
 */
export function toJson(data: Data, spaces = 0): string {
  if (data instanceof JsonText) return withoutControls(layOutJson(data.text, spaces));
  const texts: string[] = [];
  // What JSON.stringify would round or escape stands for itself until the text is there.
  const mark = `\u{10ffff}${Math.random().toString(36).slice(2)}:`;
  const stand = (text: string): string => `${mark}${texts.push(text) - 1}:`;
  const json = JSON.stringify(data, (_, value: unknown) => {
    if (value instanceof JsonText) return stand(value.text);
    return typeof value === 'bigint' ? stand(String(value)) : value;
  });
  if (json === undefined) return 'null';
  const marked = new RegExp(`"${mark}(\\d+):"`, 'g');
  return withoutControls(
    layOutJson(texts.length === 0 ? json : json.replaceAll(marked, (_, at) => texts[at] ?? ''), spaces),
  );
}

/** JSON may have what steers a terminal as it is, from U+007F on; it can only be part of a string, where it may be escaped. */
function withoutControls(json: string): string {
  return json.replace(/[\x7f-\x9f]/g, (char) => visible(char));
}

/** Loaded when it is asked for: most never do. */
async function toYaml(data: Data): Promise<string> {
  const yaml = await import('./yaml.ts');
  return yaml.toYaml(new JsonText(toJson(data)));
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
