import { CODE, MicroError } from '@micro/core';
import { shown } from '@micro/core/plugin';

const DEFAULT_DATABASE = 'micro';

/** Finds what every key of a table begins with in Redis. Throws a 400 for a name that would reach into another table. */
export type KeySpaces = (scope: { readonly database: string; readonly table: string }) => string;

/**
 * The keys as go-micro writes them: the table and the key, one after the other. Go knows no databases there, so only that of
 * the store itself has one; that of another call would be the same records under another name.
 */
export function goKeySpaces(storeDatabase = DEFAULT_DATABASE): KeySpaces {
  return ({ database, table }) => {
    if (database === storeDatabase) return table;
    const detail = `the database ${shown(database)} would hold the very records of ${shown(storeDatabase)}: go-micro's keys have no place for one; leave it out, or make the store with a separator`;
    throw bad(detail);
  };
}

/** Keys of a database, a table and a key, with a separator that is in neither name, so that no two are the same text. */
export function separateKeySpaces(separator: string): KeySpaces {
  if (typeof separator !== 'string' || separator === '') {
    throw bad('separator is empty; leave it out for the keys of go-micro');
  }
  return ({ database, table }) => {
    for (const name of [database, table]) {
      // The first one that is read has to be the one that was written.
      if (`${name}${separator}`.indexOf(separator) === name.length) continue;
      throw bad(`the name ${shown(name)} holds the separator ${shown(separator)}, or a part of it; choose another one`);
    }
    return `${database}${separator}${table}${separator}`;
  };
}

/** The pattern of SCAN for the keys of a table that begin, or end, so. */
export function patternOf(start: string, prefix: string, suffix: string): string {
  // With both, a key that is its own prefix and suffix at once would not fit a pattern: the suffix is looked at later.
  return `${escaped(start + prefix)}*${prefix === '' ? escaped(suffix) : ''}`;
}

/** What means something in a pattern of Redis means itself after a backslash. */
function escaped(text: string): string {
  return text.replace(/[\\*?[\]]/g, '\\$&');
}

function bad(detail: string): MicroError {
  return new MicroError({ id: 'go.micro.store', code: CODE.badRequest, detail });
}
