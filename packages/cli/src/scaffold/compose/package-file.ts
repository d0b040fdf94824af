import type { Part } from '../part.ts';
import type { Project } from '../project.ts';
import { versionOf } from '../versions.ts';

/** `package.json`: scripts in the order of the parts, dependencies by name. */
export function packageFile(project: Project, parts: readonly Part[]): string {
  const dependencies = new Set(parts.flatMap((part) => part.dependencies ?? []));
  const peers = new Set(parts.flatMap((part) => part.peerDependencies ?? []));
  // What runs needs is installed for those who develop, too.
  const dev = parts.flatMap((part) => part.devDependencies ?? []).filter((name) => !dependencies.has(name));
  const manifest = {
    name: project.names.package,
    version: '0.0.0',
    ...Object.assign({}, ...parts.map((part) => part.manifest)),
    scripts: Object.assign({}, ...parts.map((part) => part.scripts)),
    ...field('dependencies', dependencies),
    ...field('peerDependencies', peers),
    ...field('devDependencies', new Set(dev)),
  };
  return `${JSON.stringify(manifest, undefined, 2)}\n`;
}

function field(
  name: string,
  packages: ReadonlySet<string>,
): Readonly<Record<string, Readonly<Record<string, string>>>> {
  if (packages.size === 0) return {};
  return { [name]: Object.fromEntries([...packages].sort().map((one) => [one, versionOf(one)])) };
}
