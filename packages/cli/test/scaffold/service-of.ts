import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { CLUSTER_DEFAULTS } from '../../src/scaffold/features/feature-options.ts';
import { makeProject, type ProjectOptions } from '../../src/scaffold/make-project.ts';
import { renderProject } from '../../src/scaffold/render-project.ts';
import type { Tree } from '../../src/scaffold/write-tree.ts';

/** The tree of a service, as users get it who say no more than this. */
export async function serviceOf(options: Partial<ProjectOptions> = {}): Promise<Tree> {
  const project = await makeProject({
    ...{ name: 'helloworld', proto: false, protoFile: undefined, packageManager: 'npm', cwd: '/' },
    ...CLUSTER_DEFAULTS,
    ...options,
  });
  return renderProject(project);
}

/** Writes a tree, or those of its files whose paths begin with `below`, into a folder. */
export async function writeInto(folder: string, tree: Tree, below = ''): Promise<void> {
  for (const [path, text] of tree) {
    if (!path.startsWith(below)) continue;
    const file = join(folder, path);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, text);
  }
}
