import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { extname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { configError } from '../console/config-error.ts';
import { commandsOf, detectPackageManager } from '../project/package-manager.ts';

/** Where the code of a service begins when its `package.json` does not say so. */
const USUAL_ENTRIES = ['src/main.ts', 'src/main.mts', 'src/main.js', 'src/main.mjs'] as const;

const TYPESCRIPT: ReadonlySet<string> = new Set(['.ts', '.mts', '.cts']);

/** The fields of a `package.json` that say where the code begins. */
export interface EntryFields {
  readonly main?: unknown;
  readonly micro?: unknown;
}

/**
 * The file that a package is started with, from its folder: `micro.entry` of its `package.json`, `src/main.ts`, or `main`.
 * `undefined` when there is none. Throws 400 when `micro.entry` is no file.
 */
export function entryOf(folder: string, { main, micro }: EntryFields): string | undefined {
  const own = ownEntryOf(folder, { micro });
  if (own !== undefined) return own;
  return typeof main === 'string' && existsSync(join(folder, main)) ? main : undefined;
}

/** The same without `main`, which a library has too. */
export function ownEntryOf(folder: string, { micro }: EntryFields): string | undefined {
  const entry = typeof micro === 'object' && micro !== null && 'entry' in micro ? micro.entry : undefined;
  if (entry !== undefined) {
    if (typeof entry === 'string' && existsSync(join(folder, entry))) return entry;
    throw configError(
      `micro.entry in ${join(folder, 'package.json')} is ${JSON.stringify(entry)}, which is no file there`,
    );
  }
  return USUAL_ENTRIES.find((usual) => existsSync(join(folder, usual)));
}

/**
 * How Node runs a file of a package: directly, since npm, npx and shells lose signals. TypeScript it runs by itself where
 * it can without a flag (22.18 and newer); before that it needs `tsx` from the project. Throws 400 when that is missing.
 */
export function nodeCommand(folder: string, entry: string): readonly [string, ...string[]] {
  const strips = 'typescript' in process.features && Boolean(process.features.typescript);
  const loader = TYPESCRIPT.has(extname(entry)) && !strips ? ['--import', tsxOf(folder)] : [];
  return [process.execPath, '--enable-source-maps', '--import', preload(), ...loader, entry];
}

/** What `node --import` loads into a service before its own code. */
export function preload(): string {
  return new URL(`./preload.js?parent=${process.pid}`, import.meta.url).href;
}

function tsxOf(folder: string): string {
  try {
    return pathToFileURL(createRequire(join(folder, 'package.json')).resolve('tsx')).href;
  } catch (cause) {
    throw configError(
      `Node ${process.versions.node} does not run TypeScript by itself, and tsx is not installed in ${folder}: ` +
        `${commandsOf(detectPackageManager({}, folder)).addDev(['tsx'])}, or use Node 22.18 or newer`,
      cause,
    );
  }
}
