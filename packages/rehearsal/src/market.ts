import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createGuard } from '@micro/test-servers';
import { workspaces } from '../../../.ci/workspaces.mjs';
import { type PackageRegistry, startRegistry } from './registry.ts';
import { installTools } from './tools.ts';
import { userOf } from './user.ts';

/** A registry with nothing of ours in it, and a user who publishes there and installs from there. */
export interface Market {
  /** Everything is in it. It goes with the process that made it, however that ends. */
  readonly folder: string;
  readonly registry: PackageRegistry;
  /** The environment of the user. */
  readonly env: Readonly<Record<string, string>>;
  /** Ends the registry and removes the folder. */
  close(): Promise<void>;
}

/** Opens a market for the packages of this repository that are published. */
export async function openMarket(): Promise<Market> {
  await installTools();
  const folder = await mkdtemp(join(tmpdir(), 'micro-rehearsal-'));
  const guard = createGuard(folder);
  let registry: PackageRegistry | undefined;
  const close = async (): Promise<void> => {
    await registry?.close();
    guard.watch(undefined);
    await rm(folder, { recursive: true, force: true, maxRetries: 3 });
    guard.close();
  };
  try {
    const own = workspaces().filter(({ manifest }) => !manifest.private);
    registry = await startRegistry(
      join(folder, 'registry'),
      own.map(({ manifest }) => manifest.name),
    );
    guard.watch(registry.group);
    return { folder, registry, env: await userOf(registry, join(folder, 'home')), close };
  } catch (error) {
    await close();
    throw error;
  }
}
