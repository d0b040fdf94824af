import { shown } from '@micro/core/plugin';
import { UsageError } from '../../console/usage-error.ts';
import { pascalCase } from '../pascal-case.ts';
import type { TemplateKind } from '../project.ts';

/** The forms of the name of a plugin. For the registry `@acme/registry-my-consul`: */
export interface PluginNames {
  /** `my-consul`: what the manifest is called, and files begin with. */
  readonly backend: string;
  /** `myConsulRegistry`. */
  readonly factory: string;
  /** `MyConsulRegistryOptions`. */
  readonly options: string;
  /** `MY_CONSUL`: what variables begin with. */
  readonly variable: string;
  /** What flags call it: the backend for a package of ours, the full name of the package for any other. */
  readonly flag: string;
}

/** Throws a usage error for a name that says no backend, or one that no identifier can begin with. */
export function pluginNames(kind: TemplateKind, packageName: string): PluginNames {
  const base = baseOf(packageName);
  const rest = base.startsWith(`${kind}-`) ? base.slice(kind.length + 1) : base;
  const words = rest.split(/[^a-z0-9]+/).filter((word) => word !== '');
  const backend = words.join('-');
  if (!/^[a-z]/.test(backend) || backend === kind) {
    throw new UsageError(
      `${shown(packageName)} is no name for a plugin: name what it stands on, such as ${kind}-consul`,
    );
  }
  const pascal = pascalCase([...words, kind]);
  return {
    backend,
    factory: `${pascal.charAt(0).toLowerCase()}${pascal.slice(1)}`,
    options: `${pascal}Options`,
    variable: words.join('_').toUpperCase(),
    flag: packageName === `@micro/${kind}-${backend}` ? backend : packageName,
  };
}

function baseOf(packageName: string): string {
  return packageName.slice(packageName.indexOf('/') + 1);
}
