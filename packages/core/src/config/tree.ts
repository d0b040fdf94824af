import type { ConfigObject, ConfigValue } from '../contract/config.ts';
import { CODE } from '../error/code.ts';
import { configError, shownPath } from './config-error.ts';

/** Deeper than anybody writes by hand, and far from the end of the stack. */
const MAX_DEPTH = 64;
/** What stands under all the names together. Aliases of YAML count as often as they are used. */
const MAX_VALUES = 100_000;

interface Walk {
  readonly what: string;
  readonly path: string[];
  values: number;
}

/** An object of names and values without a prototype, so that no name means anything. */
export function emptyObject(): Record<string, ConfigValue> {
  return Object.create(null);
}

/** Whether a value has names in it. */
export function isObject(value: ConfigValue | undefined): value is ConfigObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * A copy of a value as a tree, frozen, its objects without a prototype. Dates become texts; what is `undefined` is left
 * out. Throws a 400 that names the path of what no tree can hold: functions, NaN, integers that would be rounded, more
 * than 64 levels, more than 100,000 values.
 */
export function toTree(value: unknown, what: string): ConfigValue {
  return copyValue(value, { what, path: [], values: 0 });
}

/** The same for what has to be an object; `null` and `undefined` are an empty one. */
export function toObject(value: unknown, what: string): ConfigObject {
  const tree = value === undefined ? null : toTree(value, what);
  if (isObject(tree)) return tree;
  if (tree === null) return Object.freeze(emptyObject());
  const kind = Array.isArray(tree) ? 'a list' : `a ${typeof tree}`;
  throw configError(CODE.badRequest, `${what} is ${kind} at the top; put names and values there`);
}

/**
 * Lays one tree over another. Objects are merged name by name; of everything else the later one stands, whatever the two
 * are: a list replaces a list as a whole, an object replaces a text, `null` replaces anything.
 */
export function merge(earlier: ConfigValue, later: ConfigValue): ConfigValue {
  if (!isObject(earlier) || !isObject(later)) return later;
  const merged = emptyObject();
  for (const [name, value] of Object.entries(earlier)) merged[name] = value;
  for (const [name, value] of Object.entries(later)) {
    const under = merged[name];
    merged[name] = under === undefined ? value : merge(under, value);
  }
  return Object.freeze(merged);
}

/** What stands at a path; `undefined` when there is nothing, or when the path leads through something without names. */
export function valueAt(tree: ConfigValue, path: readonly string[]): ConfigValue | undefined {
  let value: ConfigValue | undefined = tree;
  for (const name of path) value = isObject(value) ? value[name] : undefined;
  return value;
}

/** The tree with another value at a path. What stands in the way and has no names is replaced. */
export function withValue(tree: ConfigValue, path: readonly string[], value: ConfigValue): ConfigValue {
  const [name, ...rest] = path;
  if (name === undefined) return value;
  const under = isObject(tree) ? tree[name] : undefined;
  const changed = emptyObject();
  if (isObject(tree)) for (const [other, kept] of Object.entries(tree)) changed[other] = kept;
  changed[name] = withValue(under ?? null, rest, value);
  return Object.freeze(changed);
}

/** The tree with nothing at a path; the tree itself when there is nothing. */
export function withoutValue(tree: ConfigValue, path: readonly string[]): ConfigValue {
  const [name, ...rest] = path;
  if (name === undefined) return Object.freeze(emptyObject());
  const under = isObject(tree) ? tree[name] : undefined;
  if (!isObject(tree) || under === undefined) return tree;
  const left = rest.length === 0 ? undefined : withoutValue(under, rest);
  if (left === under) return tree;
  const changed = emptyObject();
  for (const [other, kept] of Object.entries(tree)) if (other !== name) changed[other] = kept;
  if (left !== undefined) changed[name] = left;
  return Object.freeze(changed);
}

function copyValue(value: unknown, walk: Walk): ConfigValue {
  walk.values++;
  if (walk.values > MAX_VALUES) {
    throw configError(CODE.tooLarge, `${walk.what} has more than ${MAX_VALUES} values; keep data out of the config`);
  }
  if (walk.path.length > MAX_DEPTH) throw fault(walk, `is nested deeper than ${MAX_DEPTH} levels; make it flatter`);
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return value;
    case 'number':
      if (Number.isFinite(value)) return value;
      throw fault(walk, `is ${value}, which is no number that a config can hold`);
    case 'bigint': {
      const number = Number(value);
      if (Number.isSafeInteger(number)) return number;
      throw fault(walk, `is ${value}, which would be rounded; write it in quotes`);
    }
    case 'object':
      return value === null ? null : copyObject(value, walk);
    default:
      throw fault(walk, `is of type ${typeof value}, which a config cannot hold`);
  }
}

function copyObject(value: object, walk: Walk): ConfigValue {
  if (value instanceof Date) return dateText(value, walk);
  if (Array.isArray(value)) {
    return Object.freeze(value.map((element: unknown, index) => copyChild(String(index), element, walk)));
  }
  if (!isPlain(value)) throw fault(walk, 'is an object with a class of its own, which a config cannot hold');
  const copy = emptyObject();
  for (const [name, child] of Object.entries(value)) {
    if (child !== undefined) copy[name] = copyChild(name, child, walk);
  }
  return Object.freeze(copy);
}

function copyChild(name: string, child: unknown, walk: Walk): ConfigValue {
  walk.path.push(name);
  const copy = copyValue(child, walk);
  walk.path.pop();
  return copy;
}

function dateText(date: Date, walk: Walk): string {
  if (Number.isNaN(date.getTime())) throw fault(walk, 'is a date that does not exist');
  return date.toISOString();
}

/** Objects of another realm count as plain as well. */
function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

function fault({ what, path }: Walk, problem: string): Error {
  return configError(CODE.badRequest, `${what}: the value at ${shownPath(path)} ${problem}`);
}
