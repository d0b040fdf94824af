import { readFileSync, type Stats, statSync } from 'node:fs';
import { reasonOf } from '@micro/core/plugin';
import { configError } from '../console/config-error.ts';

/** Nobody writes a longer settings file by hand; what claims to be one is not read. */
const LONGEST = 4 * 1024 * 1024;

/**
 * What a JSON file holds; `undefined` when there is none. Throws a config error that names the file when it cannot be read
 * or is no JSON: what is there and broken is not to be taken for what is not there.
 */
export function readJsonFile(file: string): unknown {
  try {
    const found = lookAt(file);
    if (found === undefined) return undefined;
    // A pipe would be waited for.
    if (!found.isFile()) throw new Error('it is no file');
    if (found.size > LONGEST) throw new Error(`it has more than ${LONGEST} bytes`);
    return parseJson(readFileSync(file, 'utf8'));
  } catch (cause) {
    throw configError(`${file} cannot be read: ${reasonOf(cause)}`, cause);
  }
}

/** The value of a JSON text, which may begin with a mark of its byte order, as npm takes it too. */
export function parseJson(text: string): unknown {
  return JSON.parse(text.replace(/^\uFEFF/, ''));
}

/** Whether a value is an object of JSON, and no list. */
export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function lookAt(file: string): Stats | undefined {
  try {
    return statSync(file, { throwIfNoEntry: false });
  } catch (error) {
    // A folder above that is closed to us has nothing for us.
    if ((error as NodeJS.ErrnoException).code === 'EACCES') return undefined;
    throw error;
  }
}
