import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createGuard } from '@micro/test-servers';
import { type Copy, copyCheckout } from './copy.ts';
import { createProject, type PackageManager, type Project } from './project.ts';
import { type PackageRegistry, startRegistry } from './registry.ts';
import { installTools } from './tools.ts';
import { userOf } from './user.ts';

/** A copy of this repository, a registry that it is published to, and projects that install from there. */
export interface World {
  readonly folder: string;
  readonly copy: Copy;
  readonly registry: PackageRegistry;
  /** A new empty project. */
  project(manager: PackageManager): Promise<Project>;
  /** Ends the registry and removes all folders. */
  close(): Promise<void>;
}

/** Everything is in one folder, which goes with the process that made it, however that ends. */
export async function createWorld(): Promise<World> {
  await installTools();
  const folder = await mkdtemp(join(tmpdir(), 'micro-rehearsal-'));
  const guard = createGuard(folder);
  let projects = 0;
  try {
    const copied = await copyCheckout(join(folder, 'copy'));
    const registry = await startRegistry(join(folder, 'registry'), copied.packages);
    guard.watch(registry.group);
    const env = await userOf(registry, join(folder, 'home'));
    return {
      folder,
      copy: copied.withEnvironment(env),
      registry,
      project: (manager) => createProject(join(folder, 'projects', String(++projects)), manager, env),
      async close() {
        await registry.close();
        await remove();
      },
    };
  } catch (error) {
    await remove();
    throw error;
  }

  async function remove(): Promise<void> {
    guard.watch(undefined);
    await rm(folder, { recursive: true, force: true, maxRetries: 3 });
    guard.close();
  }
}
