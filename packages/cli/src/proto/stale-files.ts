import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { filesBelow } from '../project/files-below.ts';

/**
 * The files in which a project differs from code that was generated elsewhere, by their paths in it: those with another text,
 * those that are missing, and those of generated folders that are generated no more. Sorted.
 */
export async function staleFiles(project: string, generated: string): Promise<readonly string[]> {
  const fresh = filesBelow(generated);
  const stale = new Set<string>();
  for (const path of fresh) {
    const text = await readFile(join(generated, path), 'utf8');
    const found = await readFile(join(project, path), 'utf8').catch(() => undefined);
    if (found !== text) stale.add(path);
  }
  for (const folder of new Set(fresh.map((path) => dirname(path)))) {
    // What is generated beside the project's own files cannot be told from them.
    if (folder === '.') continue;
    for (const name of filesBelow(join(project, folder))) {
      const path = `${folder}/${name}`;
      if (!fresh.includes(path)) stale.add(path);
    }
  }
  return [...stale].sort();
}
