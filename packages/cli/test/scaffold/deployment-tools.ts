import { execFile, spawnSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { parseAllDocuments } from 'yaml';
import type { Manifest } from './manifests.ts';

const SOURCES = fileURLToPath(new URL('deployment', import.meta.url));
const run = promisify(execFile);

/** What a Tiltfile has Tilt do. */
export interface Asked {
  readonly images: readonly {
    readonly ref: string;
    readonly context: string;
    readonly target: string;
    readonly entrypoint: readonly string[];
    readonly liveUpdate: readonly { readonly kind: string; readonly args: readonly string[] }[];
  }[];
  readonly manifests: readonly Manifest[];
  readonly resources: readonly string[];
}

/** Kustomize itself, and what of Tilt can be had without a cluster. */
export interface DeploymentTools {
  /** The manifests that a folder comes to. */
  kustomize(folder: string): Promise<readonly Manifest[]>;
  /** What the Tiltfile of a folder asks for. */
  tilt(folder: string): Promise<Asked>;
  /** Takes them away. */
  remove(): Promise<void>;
}

/** Why the tools cannot be built here; `undefined` when they can. */
export function missingGo(): string | undefined {
  return spawnSync('go', ['version']).error === undefined ? undefined : 'needs Go, which this machine does not have';
}

/** Builds the tools with Go: a second when it has built them before, else about 20 of a core's, and their modules are fetched. */
export async function buildDeploymentTools(): Promise<DeploymentTools> {
  const folder = await mkdtemp(join(tmpdir(), 'micro-deployment-'));
  const program = join(folder, 'deployment');
  await run('go', ['build', '-mod=readonly', '-trimpath', '-buildvcs=false', '-o', program, '.'], {
    cwd: SOURCES,
    env: { ...process.env, GOTOOLCHAIN: 'local', GOWORK: 'off' },
    timeout: 300_000,
  });
  const told = async (...args: readonly string[]): Promise<string> =>
    (await run(program, args, { timeout: 60_000, maxBuffer: 1e7 })).stdout;
  return {
    kustomize: async (of) =>
      parseAllDocuments(await told('kustomize', of)).map((document) => document.toJS() as Manifest),
    tilt: async (of) => JSON.parse(await told('tilt', of)),
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}
