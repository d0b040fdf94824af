import { readFileSync } from 'node:fs';
import { createRequire, isBuiltin } from 'node:module';
import { dirname, join } from 'node:path';

/** What npm lets a package be called; nothing that could be a path, a URL or a part of Node passes. */
const PACKAGE_NAME = /^(?:@[a-z0-9~-][a-z0-9._~-]*\/)?[a-z0-9~-][a-z0-9._~-]*$/;
const LONGEST_NAME = 214;
/** What an `import` may ask of a package, in the order in which Node tries what the package lists. */
const CONDITIONS: ReadonlySet<string> = new Set(['node', 'import', 'module-sync', 'default']);

/** Whether a package could be called so. */
export function isPackageName(name: string): boolean {
  return name.length <= LONGEST_NAME && PACKAGE_NAME.test(name) && !isBuiltin(name);
}

/** The file that importing a package from a folder would load; `undefined` when it is not installed there or above. */
export function resolvePackage(name: string, folder: string): string | undefined {
  const require = createRequire(join(folder, 'package.json'));
  try {
    return require.resolve(name);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    // A package that can only be imported: its manifest is looked up and read here, as Node gives no function for that.
    if (code === 'ERR_PACKAGE_PATH_NOT_EXPORTED') return importTarget(name, folder);
    return undefined;
  }
}

function importTarget(name: string, folder: string): string | undefined {
  for (let at = folder; ; at = dirname(at)) {
    const found = join(at, 'node_modules', name);
    const manifest = readManifest(join(found, 'package.json'));
    if (manifest !== undefined) {
      const target = targetOf(rootOf(manifest.exports));
      return target === undefined ? undefined : join(found, target);
    }
    if (dirname(at) === at) return undefined;
  }
}

function readManifest(path: string): { readonly exports?: unknown } | undefined {
  try {
    const parsed: unknown = JSON.parse(readFileSync(path, 'utf8'));
    return typeof parsed === 'object' && parsed !== null ? parsed : undefined;
  } catch {
    return undefined;
  }
}

function rootOf(exports: unknown): unknown {
  return typeof exports === 'object' && exports !== null && '.' in exports ? exports['.'] : exports;
}

function targetOf(exported: unknown): string | undefined {
  if (typeof exported === 'string') return exported.startsWith('./') ? exported : undefined;
  if (typeof exported !== 'object' || exported === null) return undefined;
  for (const [condition, target] of Object.entries(exported)) {
    if (!CONDITIONS.has(condition)) continue;
    const found = targetOf(target);
    if (found !== undefined) return found;
  }
  return undefined;
}
