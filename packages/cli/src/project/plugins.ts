import type { PluginKind } from '@micro/core';
import { dependenciesOf, installedPackage, type Package } from './packages.ts';

/** The kinds that a plugin can be of, as packages are named for them. */
const KINDS: readonly PluginKind[] = [
  'auth',
  'broker',
  'cache',
  'config',
  'profile',
  'registry',
  'runtime',
  'selector',
  'store',
  'tracer',
  'transport',
];

/** A plugin that a project asks for. */
export interface InstalledPlugin extends Package {
  readonly name: string;
  /** What its name says that it is; only its manifest knows for sure. */
  readonly kind: PluginKind | undefined;
  /** What a flag calls it: `etcd` for ours, the name of the package for anybody's. */
  readonly flag: string;
}

/** The plugins that a project depends on and has installed: ours by their names, others by the keyword `micro-plugin`. */
export function installedPlugins({ folder, manifest }: Package): readonly InstalledPlugin[] {
  return dependenciesOf(manifest).flatMap((name) => {
    const found = installedPackage(name, folder);
    const [, ours, scoped = '', short = ''] = /^(@micro\/)?(?:@[^/]+\/)?([a-z]+)-(.+)$/.exec(name) ?? [];
    const kind = KINDS.find((known) => known === scoped);
    if (found === undefined || (ours === undefined && !isPlugin(found))) return [];
    if (ours !== undefined && kind === undefined) return [];
    return [{ ...found, name, kind, flag: ours === undefined ? name : short }];
  });
}

function isPlugin({ manifest }: Package): boolean {
  return Array.isArray(manifest.keywords) && manifest.keywords.includes('micro-plugin');
}
