import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { REPOSITORY, workspaces } from './copy.ts';
import { mustRun } from './run.ts';
import { outsideEnvironment } from './tools.ts';

/** A package as npm packs it. */
export interface Tarball {
  readonly name: string;
  readonly file: string;
}

/** Packs every package of this checkout that is published, as it is built at the moment. */
export async function packCheckout(folder: string): Promise<readonly Tarball[]> {
  await mkdir(folder, { recursive: true });
  const published = (await workspaces(REPOSITORY)).filter(({ manifest }) => !manifest.private);
  const which = published.flatMap(({ manifest }) => ['--workspace', manifest.name]);
  const args = ['pack', ...which, '--json', '--ignore-scripts', '--pack-destination', folder];
  const packed: readonly { readonly name: string; readonly filename: string }[] = JSON.parse(
    await mustRun('npm', args, { cwd: REPOSITORY, env: outsideEnvironment() }),
  );
  return packed.map(({ name, filename }) => ({ name, file: join(folder, filename) }));
}
