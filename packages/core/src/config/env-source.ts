import type { ConfigSource, ConfigValue } from '../contract/config.ts';
import { CODE } from '../error/code.ts';
import { configError } from './config-error.ts';
import { type NamedValue, treeOf } from './name-tree.ts';
import { toObject } from './tree.ts';

/** What an environment source may take. */
export interface EnvSourceOptions {
  /**
   * Only variables that begin with this and a `_`, which are left out of the path: with `APP`, `APP_SERVER_PORT` is
   * `server.port`. Default: all variables.
   */
  readonly prefix?: string | undefined;
  /** What parts the names in a variable. With `__`, `APP_DB__MAX_IDLE` is `db.max_idle`. Default `_`. */
  readonly separator?: string | undefined;
  /**
   * Where variables belong whose name does not say it, such as `{ DATABASE_URL: ['db', 'url'], APP_MAX: ['maxConns'] }`.
   * They are read whether or not they have the prefix. Default: none.
   */
  readonly paths?: Readonly<Record<string, readonly string[]>> | undefined;
  /**
   * Makes whole numbers and `true` and `false` of texts that are written so, for schemas that do not. Typed readers read
   * texts anyway. Default false: go-micro guesses, and makes true of a password `t` and 7 of a zip code 007.
   */
  readonly guess?: boolean | undefined;
  /** Default: `process.env`, as it is when the source is read. */
  readonly env?: Readonly<Record<string, string | undefined>> | undefined;
}

/**
 * A source of environment variables. Names become lower case and are cut into a path: `DATABASE_HOST` is `database.host`.
 * Where one variable is the beginning of another, the longer one stands. It never changes by itself; `sync` reads it anew.
 */
export function envSource(options: EnvSourceOptions = {}): ConfigSource {
  const { prefix = '', separator = '_', guess = false } = options;
  if (separator === '') throw configError(CODE.badRequest, 'the separator of the env source is empty; give it a text');
  const paths = new Map(Object.entries(options.paths ?? {}));
  const start = prefix === '' || prefix.endsWith('_') ? prefix : `${prefix}_`;

  const pathOf = (variable: string): readonly string[] => {
    const given = paths.get(variable);
    if (given !== undefined) return given;
    if (!variable.startsWith(start)) return [];
    const name = variable.slice(start.length).toLowerCase();
    return name.split(separator.toLowerCase()).filter((part) => part !== '');
  };

  return {
    name: 'env',
    async read() {
      const values: NamedValue[] = [];
      // Sorted, so that the order in which the system lists them decides nothing.
      for (const [variable, text] of Object.entries(options.env ?? process.env).sort(byName)) {
        const path = text === undefined ? [] : pathOf(variable);
        if (text !== undefined && path.length > 0) values.push({ path, value: guess ? guessed(text) : text });
      }
      return toObject(treeOf(values), 'the environment');
    },
  };
}

/** Only what is written in the one usual way: neither `t` nor `007` nor `1e3`. */
function guessed(text: string): ConfigValue {
  if (text === 'true' || text === 'false') return text === 'true';
  if (!/^(?:0|-?[1-9]\d*)$/.test(text)) return text;
  const number = Number(text);
  return Number.isSafeInteger(number) ? number : text;
}

function byName([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number {
  return a < b ? -1 : 1;
}
