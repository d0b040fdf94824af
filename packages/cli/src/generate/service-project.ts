import { existsSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { shown } from '@micro/core/plugin';
import { parse } from 'yaml';
import type { Terminal } from '../console/terminal.ts';
import { UsageError } from '../console/usage-error.ts';
import { detectPackageManager } from '../project/package-manager.ts';
import { CORE, dependenciesOf, nearestPackage, type Package } from '../project/packages.ts';
import { CLUSTER_DEFAULTS, isAddress, isNamespace } from '../scaffold/features/feature-options.ts';
import { namesOf } from '../scaffold/names.ts';
import { FEATURES, type FeatureName, type Project } from '../scaffold/project.ts';

/** A service that is there already. */
export interface ServiceProject {
  /** Its real path. */
  readonly folder: string;
  /** What a scaffold of it is made from; its features are those that are there. */
  readonly project: Project;
}

/** The file without which a feature is not there. */
const SIGNS: Readonly<Record<FeatureName, string>> = {
  docker: 'Dockerfile',
  health: 'src/health.ts',
  kubernetes: 'deploy/kubernetes/deployment.yaml',
  kustomize: 'deploy/kustomize/base/kustomization.yaml',
  skaffold: 'skaffold.yaml',
  tilt: 'Tiltfile',
  otel: 'src/tracing.ts',
  postgres: 'src/store/postgres.ts',
};

/** The service that a folder belongs to. Throws a usage error where there is none, or none with a name that fits. */
export function findServiceProject({ cwd, env }: Terminal): ServiceProject {
  const found = nearestPackage(cwd);
  if (found === undefined) {
    throw new UsageError(
      'there is no package.json here or above: go to the folder of a service, or make one with micro new',
    );
  }
  if (!dependenciesOf(found.manifest).includes(CORE)) {
    throw new UsageError(`${shown(nameOf(found))} is no service: its package.json does not depend on ${CORE}`);
  }
  const { folder } = found;
  return {
    folder,
    project: {
      kind: 'service',
      names: namesOf(nameOf(found)),
      proto: existsSync(join(folder, 'buf.gen.yaml')),
      features: featuresOf(folder),
      packageManager: detectPackageManager(env, folder),
      ...clusterOf(folder),
    },
  };
}

/** Plain manifests beside overlays were there before these and are not looked at any more. */
function featuresOf(folder: string): ReadonlySet<FeatureName> {
  const there = new Set(FEATURES.filter((feature) => existsSync(join(folder, SIGNS[feature]))));
  if (there.has('kustomize')) there.delete('kubernetes');
  return there;
}

function nameOf({ folder, manifest }: Package): string {
  return typeof manifest.name === 'string' && manifest.name !== '' ? manifest.name : basename(folder);
}

/** Where its manifests say that it runs. */
function clusterOf(folder: string): Pick<Project, 'namespace' | 'postgresAddress'> {
  const plain = readYaml(join(folder, 'deploy/kubernetes/configmap.yaml'));
  const kustomize = readYaml(join(folder, 'deploy/kustomize/base/kustomization.yaml'));
  const variables = readVariables(join(folder, 'deploy/kustomize/base/service.env'));
  const namespace = at(plain, 'metadata', 'namespace') ?? at(kustomize, 'namespace') ?? '';
  const host = at(plain, 'data', 'PGHOST') ?? variables.get('PGHOST');
  const port = at(plain, 'data', 'PGPORT') ?? variables.get('PGPORT') ?? '5432';
  const address = port === '5432' ? `${host}` : `${host}:${port}`;
  return {
    namespace: isNamespace(namespace) ? namespace : CLUSTER_DEFAULTS.namespace,
    postgresAddress: host !== undefined && isAddress(address) ? address : CLUSTER_DEFAULTS.postgresAddress,
  };
}

/** The text at a path of keys in plain data. */
function at(data: unknown, ...path: readonly string[]): string | undefined {
  let value = data;
  for (const key of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return undefined;
    value = (value as Record<string, unknown>)[key];
  }
  return typeof value === 'string' ? value : undefined;
}

function readYaml(path: string): unknown {
  try {
    return parse(readFileSync(path, 'utf8'));
  } catch {
    // Not there, or edited into something else: then it says nothing.
    return undefined;
  }
}

function readVariables(path: string): ReadonlyMap<string, string> {
  const lines = existsSync(path) ? readFileSync(path, 'utf8').split('\n') : [];
  return new Map(lines.map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1).trim()]));
}
