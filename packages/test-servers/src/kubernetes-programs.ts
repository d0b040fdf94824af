import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';
import { isProgram } from './find-program.ts';

/** Where the two programs of a Kubernetes control plane are. */
export interface KubernetesPrograms {
  readonly apiServer: string;
  readonly controllerManager: string;
}

/**
 * Looks in `KUBEBUILDER_ASSETS`, on the PATH, and in the cache that `install.mjs` builds into, for a folder that has both.
 * `undefined` when there is none.
 */
export function findKubernetes(): KubernetesPrograms | undefined {
  const { KUBEBUILDER_ASSETS: assets = '', PATH: path = '' } = process.env;
  return [assets, ...path.split(delimiter), cachedFolder()]
    .filter((folder) => folder !== '')
    .map((folder) => ({
      apiServer: join(folder, 'kube-apiserver'),
      controllerManager: join(folder, 'kube-controller-manager'),
    }))
    .find(({ apiServer, controllerManager }) => isProgram(apiServer) && isProgram(controllerManager));
}

/** The folder that `kubernetes/build.mjs` builds into: another one for each version of its sources. */
export function cachedFolder(): string {
  const hash = createHash('sha256');
  for (const name of ['go.mod', 'go.sum', 'main.go']) {
    hash.update(readFileSync(new URL(`../kubernetes/${name}`, import.meta.url)));
  }
  const cache = process.env.XDG_CACHE_HOME || join(homedir(), '.cache');
  return join(cache, 'micro-test-servers', `kubernetes-${hash.digest('hex').slice(0, 16)}`);
}
