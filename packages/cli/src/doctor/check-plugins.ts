import { loadPlugin } from '@micro/core/plugin';
import { satisfies } from 'semver';
import { detailOf } from '../console/detail-of.ts';
import { CORE, installedPackage, type Package } from '../project/packages.ts';
import { type InstalledPlugin, installedPlugins } from '../project/plugins.ts';
import type { Finding } from './finding.ts';

/** Whether each plugin of the project fits its core, by its range and by the manifest that it exports. */
export async function checkPlugins(project: Package): Promise<readonly Finding[]> {
  const core = installedPackage(CORE, project.folder)?.manifest.version;
  return Promise.all(installedPlugins(project).map((plugin) => checkPlugin(plugin, core, project)));
}

async function checkPlugin(plugin: InstalledPlugin, core: string | undefined, project: Package): Promise<Finding> {
  const check = `plugin ${plugin.name}`;
  const detail = `${plugin.name} ${plugin.manifest.version}`;
  const range = plugin.manifest.peerDependencies?.[CORE];
  const fix = `install versions of ${plugin.name} and ${CORE} that belong together`;
  if (core !== undefined && range !== undefined && !satisfies(core, range, { includePrerelease: true })) {
    return {
      check,
      status: 'problem',
      detail: `${detail} is made for ${CORE} ${range}, and ${core} is installed`,
      fix,
    };
  }
  if (plugin.kind === undefined) return { check, status: 'ok', detail };
  try {
    await loadPlugin({ kind: plugin.kind, name: plugin.flag, known: [], folders: [project.folder] });
  } catch (error) {
    return { check, status: 'problem', detail: detailOf(error), fix };
  }
  // go-micro has no flag for a cache.
  const flag = plugin.kind === 'cache' ? '' : `, as --${plugin.kind} ${plugin.flag}`;
  return { check, status: 'ok', detail: `${detail}${flag}` };
}
