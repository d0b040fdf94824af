import { realpathSync } from 'node:fs';
import { basename, join } from 'node:path';
import { configError } from '../console/config-error.ts';
import { foldersUp } from './folders-up.ts';
import { isObject, readJsonFile } from './json-file.ts';

/** The package that all of a project shares. */
export const CORE = '@micro/core';

/** What is read of a `package.json`. */
export interface Manifest {
  readonly name?: string;
  readonly version?: string;
  readonly keywords?: readonly string[];
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
}

/** A package and where it is. */
export interface Package {
  /** Its real path. */
  readonly folder: string;
  readonly manifest: Manifest;
}

/** The package in a folder; `undefined` when there is none. Throws a config error for a `package.json` that is none. */
export function readPackage(folder: string): Package | undefined {
  const file = join(folder, 'package.json');
  const manifest = readJsonFile(file);
  if (manifest === undefined) return undefined;
  if (!isObject(manifest)) throw configError(`${file} has to hold an object`);
  return { folder: realpathSync(folder), manifest };
}

/** The package that a folder belongs to: the nearest one, there or above. Throws as `readPackage` does. */
export function nearestPackage(folder: string): Package | undefined {
  return firstFound(foldersUp(folder));
}

/** An installed package as code in a folder sees it: in the `node_modules` there, or above. Throws as `readPackage` does. */
export function installedPackage(name: string, folder: string): Package | undefined {
  return firstFound(foldersUp(folder).map((at) => join(at, 'node_modules', name)));
}

function firstFound(folders: readonly string[]): Package | undefined {
  for (const folder of folders) {
    const found = readPackage(folder);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** The names that a package asks for, sorted. */
export function dependenciesOf({ dependencies, devDependencies, optionalDependencies }: Manifest): readonly string[] {
  return Object.keys({ ...dependencies, ...devDependencies, ...optionalDependencies }).sort();
}

/** What a package is called, without its scope; one without a name as its folder is. */
export function shortNameOf({ folder, manifest }: Package): string {
  return basename(typeof manifest.name === 'string' && manifest.name !== '' ? manifest.name : folder);
}
