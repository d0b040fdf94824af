import type { StandardSchemaV1 } from '@standard-schema/spec';
import type { ConfigObject, ConfigReader, ConfigValue } from '../contract/config.ts';
import { CODE } from '../error/code.ts';
import { MicroError } from '../error/micro-error.ts';
import { parseGoDuration } from '../util/go-duration.ts';
import { reasonOf } from '../util/reason.ts';
import { configError, shownPath, shownValue } from './config-error.ts';
import { isObject } from './tree.ts';

const DECIMAL = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/;
/** What Go's `strconv.ParseBool` takes. */
const BOOLEANS: ReadonlyMap<string, boolean> = new Map([
  ...['1', 't', 'T', 'true', 'TRUE', 'True'].map((text) => [text, true] as const),
  ...['0', 'f', 'F', 'false', 'FALSE', 'False'].map((text) => [text, false] as const),
]);
const MOST_ISSUES = 5;

/**
 * Reads one value, as it was when the reader was made. What is absent or `null` is the fallback, and a 404 where there is
 * none; what cannot be read so is a 400, fallback or not. Both name the path. A text is read as what it says, since the
 * environment has nothing but texts: `"8080"` is a number, `"t"` is true, `"a, b"` is a list.
 */
export function configReader(value: ConfigValue | undefined, path: readonly string[]): ConfigReader {
  /** What `convert` makes of the value; `undefined` from it is an error. */
  const read = <T>(fallback: T | undefined, expected: string, convert: (value: ConfigValue) => T | undefined): T => {
    if (value === undefined || value === null) {
      if (fallback !== undefined) return fallback;
      const detail = `there is nothing at ${shownPath(path)} in the config; set it to ${expected}, or give a fallback`;
      throw configError(CODE.notFound, detail);
    }
    const converted = convert(value);
    if (converted !== undefined) return converted;
    const detail = `the config at ${shownPath(path)} is ${shownValue(value)}; it has to be ${expected}`;
    throw configError(CODE.badRequest, detail);
  };

  return {
    path: Object.freeze([...path]),
    exists: () => value !== undefined && value !== null,
    value: () => value,
    string: (fallback) => read(fallback, 'a text', scalarText),
    number: (fallback) => read(fallback, 'a number', numberOf),
    boolean: (fallback) => read(fallback, 'true or false', booleanOf),
    durationMs: (fallback) =>
      read(fallback, "a duration such as '1m30s', or milliseconds", (given) => {
        const ms = numberOf(given);
        return ms === undefined && typeof given === 'string' ? parseGoDuration(given) : ms;
      }),
    list: (fallback) => read(fallback, "a list of texts, or a text such as 'a,b'", listOf),
    object: (fallback?: ConfigObject) =>
      read(fallback, 'names and values', (given) => (isObject(given) ? given : undefined)),
    scan: (schema) => scan(schema, value, path),
  };
}

function scalarText(value: ConfigValue): string | undefined {
  return typeof value === 'object' ? undefined : String(value);
}

function numberOf(value: ConfigValue): number | undefined {
  if (typeof value === 'number') return value;
  if (typeof value !== 'string' || !DECIMAL.test(value)) return undefined;
  const number = Number(value);
  return Number.isFinite(number) ? number : undefined;
}

function booleanOf(value: ConfigValue): boolean | undefined {
  if (typeof value === 'boolean') return value;
  return typeof value === 'string' ? BOOLEANS.get(value) : undefined;
}

function listOf(value: ConfigValue): readonly string[] | undefined {
  if (typeof value === 'string') {
    return value.trim() === '' ? [] : value.split(',').map((part) => part.trim());
  }
  if (!Array.isArray(value)) return undefined;
  const texts = value.map((element: ConfigValue) => scalarText(element));
  return texts.every((text) => text !== undefined) ? texts : undefined;
}

async function scan<S extends StandardSchemaV1>(
  schema: S,
  value: ConfigValue | undefined,
  path: readonly string[],
): Promise<StandardSchemaV1.InferOutput<S>> {
  let result: StandardSchemaV1.Result<unknown>;
  try {
    result = await schema['~standard'].validate(value);
  } catch (cause) {
    if (cause instanceof MicroError) throw cause;
    const detail = `the schema for ${shownPath(path)} failed: ${reasonOf(cause)}`;
    throw configError(CODE.internal, detail, cause);
  }
  // The contract of a schema says that this is its output.
  if (result.issues === undefined) return result.value as StandardSchemaV1.InferOutput<S>;
  const issues = result.issues.slice(0, MOST_ISSUES).map((issue) => issueText(issue, value, path));
  const more = result.issues.length - issues.length;
  const detail = `the config is not valid: ${issues.join('; ')}${more > 0 ? `; and ${more} more` : ''}`;
  throw configError(CODE.badRequest, detail);
}

function issueText(issue: StandardSchemaV1.Issue, root: ConfigValue | undefined, path: readonly string[]): string {
  const inner = (issue.path ?? []).map((part) => String(typeof part === 'object' ? part.key : part));
  let value: ConfigValue | undefined = root;
  for (const name of inner) {
    const at: ConfigValue | undefined = value;
    value = Array.isArray(at) ? at[Number(name)] : isObject(at) ? at[name] : undefined;
  }
  const found = value === undefined ? 'absent' : shownValue(value);
  return `${shownPath([...path, ...inner])} is ${found}: ${reasonOf(issue.message)}`;
}
