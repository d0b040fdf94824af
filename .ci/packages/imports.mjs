/*
 * Holds what a package declares against what it imports, as it is published: a package that is installed alone has what
 * it declares and nothing else, and nobody installs what is not used.
 */
import { existsSync, readFileSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { dirname, join, posix } from 'node:path';

const CREATED_REQUIRE = /\bcreateRequire\([^)]*\)\(\s*['"]([^'"]+)['"]/g;

/** `installed` is the folder of the node_modules that has what is declared; `ts` reads imports out of text. */
export function importFaults({ folder, manifest, files }, installed, ts) {
  const { name, dependencies = {}, peerDependencies = {}, optionalDependencies = {} } = manifest;
  const declared = { ...dependencies, ...peerDependencies, ...optionalDependencies };
  const imports = (path) => importsOf(readFileSync(join(folder, path), 'utf8'), ts);
  const used = new Set();
  const faults = new Set();
  const use = (specifier, path) => {
    const owner = packageOf(specifier);
    if (owner === name || isBuiltin(specifier)) return;
    used.add(owner);
    if (declared[owner] === undefined) faults.add(`${path} imports ${owner}, which package.json does not declare`);
  };
  const code = files.filter((path) => path.startsWith('dist/') && /\.[cm]?js$/.test(path));
  for (const path of code) for (const specifier of imports(path)) if (!specifier.startsWith('.')) use(specifier, path);
  for (const [path, specifiers] of reachableTypes(manifest, imports)) {
    for (const specifier of specifiers) {
      use(specifier, path);
      const types = typesOf(specifier, installed);
      if (types === undefined) continue;
      used.add(types);
      if (declared[types] === undefined)
        faults.add(`${path} needs the types of ${specifier}: ${types} has to be declared`);
    }
  }
  for (const owner of Object.keys(declared)) {
    if (!used.has(owner)) faults.add(`package.json declares ${owner}, and nothing imports it`);
  }
  return [...faults];
}

/** Each file of types that can be reached from the ways in, with what it imports from elsewhere. */
function reachableTypes({ exports = {} }, imports) {
  const reached = new Map();
  const visit = (path) => {
    if (reached.has(path)) return;
    const all = imports(path);
    reached.set(
      path,
      all.filter((specifier) => !specifier.startsWith('.')),
    );
    for (const specifier of all.filter((one) => one.startsWith('.'))) {
      visit(
        posix
          .join(posix.dirname(path), specifier)
          .replace(/\.[jt]s$/, '.d.ts')
          .replace(/\.d\.d\.ts$/, '.d.ts'),
      );
    }
  };
  for (const { types } of Object.values(exports)) if (types !== undefined) visit(posix.normalize(types));
  return reached;
}

function importsOf(text, ts) {
  const { importedFiles, typeReferenceDirectives } = ts.preProcessFile(text, true, true);
  const found = [...importedFiles, ...typeReferenceDirectives].map(({ fileName }) => fileName);
  return [...new Set([...found, ...[...text.matchAll(CREATED_REQUIRE)].map(([, specifier]) => specifier)])];
}

/** `@types/…` for a package that brings no types itself, else `undefined`. Those of Node are there where Node is used. */
function typesOf(specifier, installed) {
  if (isBuiltin(specifier) || specifier === 'node') return undefined;
  const owner = packageOf(specifier);
  const folder = join(installed, owner);
  const path = join(folder, 'package.json');
  if (!existsSync(path)) return undefined;
  const { types, typings, exports, main = 'index.js' } = JSON.parse(readFileSync(path, 'utf8'));
  const beside = join(dirname(join(folder, main)), 'index.d.ts');
  if (types !== undefined || typings !== undefined || existsSync(beside)) return undefined;
  if (JSON.stringify(exports ?? {}).includes('.d.')) return undefined;
  return `@types/${owner.replace('@', '').replace('/', '__')}`;
}

function packageOf(specifier) {
  return specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');
}
