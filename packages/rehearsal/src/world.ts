import { join } from 'node:path';
import { type Copy, copyCheckout } from './copy.ts';
import { type Market, openMarket } from './market.ts';
import { createProject, type PackageManager, type Project } from './project.ts';

/** A copy of this repository, a registry that it is published to, and projects that install from there. */
export interface World extends Omit<Market, 'env'> {
  readonly copy: Copy;
  /** A new empty project. */
  project(manager: PackageManager): Promise<Project>;
}

/** Copies the last commit, and opens a market for it. */
export async function createWorld(): Promise<World> {
  const { folder, registry, env, close } = await openMarket();
  let projects = 0;
  try {
    const copied = await copyCheckout(join(folder, 'copy'));
    return {
      folder,
      copy: copied.withEnvironment(env),
      registry,
      project: (manager) => createProject(join(folder, 'projects', String(++projects)), manager, env),
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}
