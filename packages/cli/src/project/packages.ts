import { readFileSync, realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** What is read of a `package.json`. */
export interface Manifest {
  readonly name?: string;
  readonly version?: string;
  readonly type?: string;
  readonly keywords?: readonly string[];
  readonly engines?: Readonly<Record<string, string>>;
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

/** No manifest is larger; what claims to be one is not read. */
const LONGEST_MANIFEST = 4 * 1024 * 1024;

/** The package in a folder; `undefined` when there is none that can be read. */
export function readPackage(folder: string): Package | undefined {
  try {
    const text = readFileSync(join(folder, 'package.json'), 'utf8');
    const manifest: unknown = text.length > LONGEST_MANIFEST ? undefined : JSON.parse(text);
    if (typeof manifest !== 'object' || manifest === null) return undefined;
    return { folder: realpathSync(folder), manifest };
  } catch {
    return undefined;
  }
}

/** The package that a folder belongs to: the nearest one, there or above. */
export function nearestPackage(folder: string): Package | undefined {
  for (let at = folder; ; at = dirname(at)) {
    const found = readPackage(at);
    if (found !== undefined || dirname(at) === at) return found;
  }
}

/** An installed package as code in a folder sees it: in the `node_modules` there, or above. */
export function installedPackage(name: string, folder: string): Package | undefined {
  for (let at = folder; ; at = dirname(at)) {
    const found = readPackage(join(at, 'node_modules', name));
    if (found !== undefined || dirname(at) === at) return found;
  }
}

/** The names that a package asks for, sorted. */
export function dependenciesOf({ dependencies, devDependencies, optionalDependencies }: Manifest): readonly string[] {
  return Object.keys({ ...dependencies, ...devDependencies, ...optionalDependencies }).sort();
}
