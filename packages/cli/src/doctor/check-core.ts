import { CORE, dependenciesOf, installedPackage, type Package } from '../project/packages.ts';
import type { Finding } from './finding.ts';

/**
 * Whether all that the project depends on sees one copy of core. Two copies work side by side, errors included, but not
 * everything can be shared between them, and each of them is loaded.
 */
export function checkCore(project: Package): Finding {
  const own = installedPackage(CORE, project.folder);
  if (own === undefined) {
    const asked = dependenciesOf(project.manifest).includes(CORE);
    return {
      check: 'core',
      status: asked ? 'problem' : 'warning',
      detail: `${CORE} is not installed in ${project.folder}`,
      fix: asked ? 'npm install' : `npm install ${CORE}`,
    };
  }
  const copies = new Map([[own.folder, { version: own.manifest.version, seenBy: [shownName(project)] }]]);
  for (const name of dependenciesOf(project.manifest)) {
    const dependency = installedPackage(name, project.folder);
    const seen = dependency === undefined || name === CORE ? undefined : seenCore(dependency);
    if (seen === undefined) continue;
    const copy = copies.get(seen.folder) ?? { version: seen.manifest.version, seenBy: [] };
    copy.seenBy.push(name);
    copies.set(seen.folder, copy);
  }
  if (copies.size === 1) return { check: 'core', status: 'ok', detail: `${CORE} ${own.manifest.version}, one copy` };
  const shown = [...copies].map(([folder, { version, seenBy }]) => `${version} in ${folder} (${seenBy.join(', ')})`);
  return {
    check: 'core',
    status: 'problem',
    detail: `${copies.size} copies of ${CORE}: ${shown.join('; ')}`,
    fix: `npm dedupe, or bring all of them to one version of ${CORE}`,
  };
}

/** The copy that a dependency gets, when it asks for one. */
function seenCore({ folder, manifest }: Package): Package | undefined {
  const wants = manifest.dependencies?.[CORE] ?? manifest.peerDependencies?.[CORE];
  return wants === undefined ? undefined : installedPackage(CORE, folder);
}

function shownName({ manifest, folder }: Package): string {
  return manifest.name ?? folder;
}
