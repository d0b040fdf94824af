import { shown } from '@micro/core/plugin';
import { UsageError } from '../console/usage-error.ts';
import type { PackageManager } from '../project/package-manager.ts';
import type { Answers } from './ask-project.ts';
import { targetOf } from './base/target.ts';
import { withNeeds } from './features/with-needs.ts';
import { namesOf } from './names.ts';
import { pluginKindOf } from './plugin/plugin-kind.ts';
import type { Project } from './project.ts';

/** What a project is made from, as its user said it. */
export interface ProjectOptions extends Answers {
  /** Of a client. */
  readonly protoFile: string | undefined;
  readonly namespace: string;
  readonly postgresAddress: string;
  readonly packageManager: PackageManager;
  /** The folder of the user. */
  readonly cwd: string;
}

/** Checks what was said, and makes a project of it. Throws a usage error that shows what cannot be. */
export async function makeProject(options: ProjectOptions): Promise<Project> {
  const { kind = 'service', name = '', proto, protoFile, namespace, postgresAddress, packageManager, cwd } = options;
  const common = { kind, namespace, postgresAddress, packageManager, proto: proto ?? true };
  if (kind === 'plugin') return { ...common, ...pluginOf(name, options), features: new Set() };
  if (kind === 'service') return { ...common, names: namesOf(name), features: withNeeds(options.features ?? []) };
  // Whoever writes the name of the client means the service before it.
  const called = namesOf(name.replace(/-client\/?$/, ''));
  const names = namesOf(name.replace(/(-client)?\/*$/, ''), '-client');
  const target = await targetOf({ names: called, proto: proto === false ? false : protoFile, cwd });
  return { ...common, names, target, features: new Set() };
}

/** `consul` of kind `registry` is called `registry-consul`. */
function pluginOf(name: string, { pluginKind }: Answers): Pick<Project, 'names' | 'pluginKind'> {
  const named = pluginKindOf(name);
  if (named !== undefined && pluginKind !== undefined && named !== pluginKind) {
    throw new UsageError(`${shown(name)} is called like a ${named}, and --kind says ${pluginKind}`);
  }
  const kind = pluginKind ?? named;
  const full = named === undefined ? name.replace(/([^\\/]*)[\\/]*$/, `${kind}-$1`) : name;
  return { names: namesOf(full), pluginKind: kind };
}
