import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createGuard } from '@micro/test-servers';
import { packCheckout } from './pack.ts';
import { startRegistry } from './registry.ts';
import { mustRun } from './run.ts';
import { installTools } from './tools.ts';
import { userOf } from './user.ts';

/** A registry that has every package as this checkout packs it: what users would get if it were released now. */
export interface Shop {
  /** The environment of a user who installs from there. */
  readonly env: Readonly<Record<string, string>>;
  close(): Promise<void>;
}

/** Packs what is built at the moment, and publishes it. */
export async function openShop(): Promise<Shop> {
  await installTools();
  const folder = await mkdtemp(join(tmpdir(), 'micro-shop-'));
  const guard = createGuard(folder);
  const remove = async (): Promise<void> => {
    guard.watch(undefined);
    await rm(folder, { recursive: true, force: true, maxRetries: 3 });
    guard.close();
  };
  try {
    const tarballs = await packCheckout(join(folder, 'tarballs'));
    const names = tarballs.map(({ name }) => name);
    const registry = await startRegistry(join(folder, 'registry'), names);
    guard.watch(registry.group);
    const env = await userOf(registry, join(folder, 'home'));
    for (const { file } of tarballs) {
      await mustRun('npm', ['publish', file, '--provenance=false', '--ignore-scripts'], { cwd: folder, env });
    }
    return {
      env,
      async close() {
        await registry.close();
        await remove();
      },
    };
  } catch (error) {
    await remove();
    throw error;
  }
}
