import type { ConfigObject, ConfigValue } from '../contract/config.ts';
import { CODE } from '../error/code.ts';
import { configError } from './config-error.ts';
import { emptyObject, isObject } from './tree.ts';

const VARIABLE = /\$\{([A-Za-z0-9_]+)(?::-([^}]*))?\}/g;
/** All that is put in together. A small file may name a large variable many times. */
const MAX_CHARACTERS = 16 * 1024 * 1024;

/**
 * The tree with `${NAME}` in its texts replaced by that environment variable, and `${NAME:-fallback}` by the fallback
 * where the variable is absent or empty. As in go-micro an absent one without a fallback is the empty text, and `${}`,
 * `${a-b}` and `$NAME` stay as they are. Unlike there the tree was parsed before: what a variable holds is text, whatever
 * it looks like, and is not looked through again. Names are left alone. Throws a 413 beyond 16 MiB of text.
 */
export function substituteEnv(
  tree: ConfigObject,
  env: Readonly<Record<string, string | undefined>>,
  what: string,
): ConfigObject {
  let characters = 0;
  const variableOf = (name: string, fallback: string | undefined): string => {
    const found = Object.hasOwn(env, name) ? env[name] : undefined;
    const text = (fallback === undefined ? found : found || fallback) ?? '';
    characters += text.length;
    if (characters <= MAX_CHARACTERS) return text;
    const detail = `${what} has more than ${MAX_CHARACTERS} characters from the environment; the last variable is ${name}`;
    throw configError(CODE.tooLarge, detail);
  };
  const replace = (value: ConfigValue): ConfigValue => {
    if (typeof value === 'string') {
      return value.replace(VARIABLE, (_, name: string, fallback?: string) => variableOf(name, fallback));
    }
    if (Array.isArray(value)) return Object.freeze(value.map(replace));
    return isObject(value) ? replaceAll(value) : value;
  };
  const replaceAll = (object: ConfigObject): ConfigObject => {
    const replaced = emptyObject();
    for (const [name, value] of Object.entries(object)) replaced[name] = replace(value);
    return Object.freeze(replaced);
  };
  return replaceAll(tree);
}
