/*
 * What package.json of a published package has to say. What is the same in all of them follows from the package.json of
 * the repository and the place of the package: `node .ci/packages/check.mjs --write` writes it.
 */
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { ROOT } from '../workspaces.mjs';

const root = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
const home = root.repository.url.replace(/^git\+/, '').replace(/\.git$/, '');

/** What is the same in all published packages. */
function shared(folder) {
  const directory = relative(ROOT, folder).replaceAll('\\', '/');
  return {
    license: root.license,
    homepage: `${home}/tree/main/${directory}#readme`,
    bugs: `${home}/issues`,
    repository: { ...root.repository, directory },
    type: 'module',
    sideEffects: false,
    engines: root.engines,
    publishConfig: { access: 'public', provenance: true },
  };
}

/** What package.json of a package does not say as it should, in words. */
export function manifestFaults({ folder, manifest }) {
  const { name, description, keywords, files, peerDependencies, dependencies } = manifest;
  const wrong = Object.entries(shared(folder))
    .filter(([field, value]) => !isDeepStrictEqual(manifest[field], value))
    .map(([field, value]) => `package.json has to say "${field}": ${JSON.stringify(value)} (--write does it)`);
  const isPlugin = relative(join(ROOT, 'plugins'), folder)[0] !== '.';
  const rules = {
    'package.json has a description': typeof description === 'string' && description !== '',
    'package.json has keywords, and micro is one of them': Array.isArray(keywords) && keywords.includes('micro'),
    'package.json says which files are published': Array.isArray(files) && files.includes('dist'),
    'a plugin has @micro/core as a peer and not as a dependency':
      !isPlugin || (peerDependencies?.['@micro/core'] !== undefined && dependencies?.['@micro/core'] === undefined),
    'a plugin is called @micro/ and its folder':
      !isPlugin || name === `@micro/${relative(join(ROOT, 'plugins'), folder)}`,
    'each way in has types and default, in this order': Object.entries(manifest.exports ?? {}).every(
      ([path, target]) => path === './package.json' || isDeepStrictEqual(Object.keys(target), ['types', 'default']),
    ),
  };
  const broken = Object.entries(rules).filter(([, held]) => !held);
  return [...wrong, ...broken.map(([rule]) => `does not hold: ${rule}`)];
}

/** Writes what is the same in all published packages, and the licence. */
export function writeShared({ folder, manifest }) {
  const { name, version, private: _, description, keywords, ...rest } = manifest;
  const { license, homepage, bugs, repository, ...below } = shared(folder);
  const about = { description, keywords, license, homepage, bugs, repository };
  const written = { name, version, ...about, ...omit(rest, Object.keys(about)), ...below };
  // What was there keeps its place; what was not comes last.
  writeFileSync(join(folder, 'package.json'), `${JSON.stringify(written, null, 2)}\n`);
  copyFileSync(join(ROOT, 'LICENSE'), join(folder, 'LICENSE'));
}

function omit(object, names) {
  return Object.fromEntries(Object.entries(object).filter(([name]) => !names.includes(name)));
}
