import { join } from 'node:path';
import { configError } from '../console/config-error.ts';
import { didYouMean } from '../console/suggest.ts';
import { isObject, readJsonFile } from '../project/json-file.ts';

/** The file that says what a folder alone does not. */
export const CONFIG_FILE = 'micro.config.json';

/** What `micro.config.json` says about one service. */
export interface ServiceConfig {
  /** Its folder, from that of the file. Needed for a service that is not found anyway. */
  readonly path?: string;
  /** What to run in that folder instead of Node: one text, cut into words as a shell does, or the words. */
  readonly command?: string | readonly string[];
  /** Services that are started before it and stopped after it. */
  readonly depends?: readonly string[];
  /** Variables that it gets. */
  readonly env?: Readonly<Record<string, string>>;
}

/** What `micro.config.json` may hold. */
export interface MicroConfig {
  readonly services: ReadonlyMap<string, ServiceConfig>;
}

/** Reads one field, or says what it has to be. */
type Check = (value: unknown) => boolean;
const FIELDS: Readonly<Record<keyof ServiceConfig, readonly [check: Check, wanted: string]>> = {
  path: [isText, 'a folder'],
  command: [
    (value) => isText(value) || (isTexts(value) && (value as unknown[]).length > 0),
    'a text or a list of words',
  ],
  depends: [isTexts, 'a list of services'],
  env: [
    (value) => isObject(value) && Object.values(value).every((text) => text === '' || isText(text)),
    'an object of texts',
  ],
};

/**
 * Reads `micro.config.json` of a folder; `undefined` when there is none. Throws 400 that names the field that is unknown or
 * wrong.
 */
export function readMicroConfig(folder: string): MicroConfig | undefined {
  const file = join(folder, CONFIG_FILE);
  const content = readJsonFile(file);
  if (content === undefined) return undefined;
  const wrong = (what: string): Error => configError(`${file}: ${what}`);
  if (!isObject(content)) throw wrong('it has to hold an object');
  // An editor finds the schema of the file by it.
  const { $schema: _, services = {}, ...others } = content;
  for (const name of Object.keys(others)) throw wrong(`unknown field ${show(name)}${didYouMean(name, ['services'])}`);
  if (!isObject(services)) throw wrong('services has to be an object');
  for (const [name, service] of Object.entries(services)) {
    const at = `services.${name}`;
    if (!isObject(service)) throw wrong(`${at} has to be an object`);
    for (const [field, value] of Object.entries(service)) {
      if (!Object.hasOwn(FIELDS, field))
        throw wrong(`unknown field ${show(`${at}.${field}`)}${didYouMean(field, Object.keys(FIELDS))}`);
      const [check, wanted] = FIELDS[field as keyof ServiceConfig];
      if (!check(value)) throw wrong(`${at}.${field} has to be ${wanted}, not ${show(value)}`);
    }
  }
  return { services: new Map(Object.entries(services) as [string, ServiceConfig][]) };
}

function isText(value: unknown): boolean {
  return typeof value === 'string' && value !== '' && !value.includes('\0');
}

function isTexts(value: unknown): boolean {
  return Array.isArray(value) && value.every(isText);
}

function show(value: unknown): string {
  return (JSON.stringify(value) ?? String(value)).slice(0, 80);
}
