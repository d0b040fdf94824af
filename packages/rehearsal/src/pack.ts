import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { ROOT, workspaces } from '../../../.ci/workspaces.mjs';
import { mustRun } from './run.ts';
import { outsideEnvironment } from './tools.ts';

/** Packs every package of this checkout that is published, as it is built at the moment. Returns the tarballs. */
export async function packCheckout(folder: string): Promise<readonly string[]> {
  await mkdir(folder, { recursive: true });
  const published = workspaces().filter(({ manifest }) => !manifest.private);
  const which = published.flatMap(({ manifest }) => ['--workspace', manifest.name]);
  const args = ['pack', ...which, '--json', '--ignore-scripts', '--pack-destination', folder];
  const packed: readonly { readonly filename: string }[] = JSON.parse(
    await mustRun('npm', args, { cwd: ROOT, env: outsideEnvironment() }),
  );
  return packed.map(({ filename }) => join(folder, filename));
}
