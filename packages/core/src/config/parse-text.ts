import { basename, extname } from 'node:path';
import { CODE } from '../error/code.ts';
import { MicroError } from '../error/micro-error.ts';
import { endOfString } from '../util/json-scan.ts';
import { reasonOf } from '../util/reason.ts';
import { configError } from './config-error.ts';

/** How a file of config is written. */
export type ConfigFormat = 'json' | 'yaml' | 'toml';

const FORMATS: ReadonlyMap<string, ConfigFormat> = new Map([
  ['.json', 'json'],
  ['.yaml', 'yaml'],
  ['.yml', 'yaml'],
  ['.toml', 'toml'],
]);

/** The format that the ending of a file's name means; throws a 400 that names those there are when it means none. */
export function formatOf(path: string): ConfigFormat {
  const ending = extname(basename(path)).toLowerCase();
  const format = FORMATS.get(ending);
  if (format !== undefined) return format;
  const endings = [...FORMATS.keys()].join(', ');
  throw configError(CODE.badRequest, `${path} has none of the endings ${endings}; rename it, or say its format`);
}

/**
 * What a text says in its format; the libraries for YAML and TOML are loaded when they are needed. Throws a 400 with the
 * place of a mistake. Aliases of YAML refer to the same value without copying it, and only so many times.
 */
export async function parseText(text: string, format: ConfigFormat, what: string): Promise<unknown> {
  try {
    switch (format) {
      case 'json':
        return parseJson(text);
      case 'yaml':
        return await parseYaml(text);
      case 'toml':
        return await parseToml(text);
    }
  } catch (cause) {
    if (cause instanceof MicroError) throw cause;
    throw configError(CODE.badRequest, `${what} is no ${format}: ${mistake(cause)}`, cause);
  }
}

function parseJson(text: string): unknown {
  const value: unknown = JSON.parse(text);
  refuseRounded(text);
  return value;
}

async function parseYaml(text: string): Promise<unknown> {
  const { parseDocument } = await import('yaml');
  const document = parseDocument(text, { intAsBigInt: true, merge: true, logLevel: 'error' });
  const [error] = document.errors;
  if (error !== undefined) throw error;
  return document.toJS({ maxAliasCount: 100 });
}

async function parseToml(text: string): Promise<unknown> {
  const { parse } = await import('smol-toml');
  return parse(text);
}

/** JSON has no bigints, and its parser rounds without a word. */
function refuseRounded(text: string): void {
  for (let at = 0; at < text.length; at++) {
    const char = text.charAt(at);
    if (char === '"') at = endOfString(text, at) - 1;
    else if (char >= '0' && char <= '9') {
      const [number = ''] = /^[\d.eE+-]+/.exec(text.slice(at, at + 400)) ?? [];
      if (/^\d{16,}$/.test(number) && !Number.isSafeInteger(Number(number))) {
        throw new Error(`${number} would be rounded; write it in quotes`);
      }
      at += number.length - 1;
    }
  }
}

/** The message without the lines of the file that parsers show: they may hold a password. */
function mistake(cause: unknown): string {
  const [line = ''] = (cause instanceof Error ? cause.message : String(cause)).split('\n');
  const place =
    cause instanceof Error && 'line' in cause && 'column' in cause
      ? ` at line ${cause.line}, column ${cause.column}`
      : '';
  return reasonOf(`${line.replace(/:$/, '').replace(/, (?:\.\.\.)?".*$/, '')}${place}`);
}
