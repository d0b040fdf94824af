import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync, realpathSync } from 'node:fs';
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join, relative, sep } from 'node:path';
import { CODE, MicroError } from '@micro/core';
import type { Change } from './plan-changes.ts';

/** The text of a file of a project; `undefined` when there is none. Throws a 403 for one that is elsewhere by a link. */
export function readProjectFile(folder: string, path: string): string | undefined {
  const file = inside(folder, path);
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** Writes what was planned. What is new overwrites nothing, also when it has come to be since; what is there changes at once. */
export async function writeChanges(folder: string, changes: readonly Change[], signal: AbortSignal): Promise<void> {
  for (const { action, path, text } of changes) {
    if (text === undefined) continue;
    signal.throwIfAborted();
    const file = inside(folder, path);
    await mkdir(dirname(file), { recursive: true });
    if (action === 'create') await writeFile(file, text, { flag: 'wx' });
    else await replace(file, text);
  }
}

async function replace(file: string, text: string): Promise<void> {
  // The file itself and not the link that leads to it.
  const target = realpathSync(file);
  const draft = join(dirname(target), `.${basename(target)}.${randomBytes(6).toString('hex')}`);
  try {
    await writeFile(draft, text, { flag: 'wx' });
    await rename(draft, target);
  } catch (error) {
    await rm(draft, { force: true });
    throw error;
  }
}

/** The path of a file, whose folder really is inside of the project. */
function inside(folder: string, path: string): string {
  const file = join(folder, path);
  let there = file;
  while (!existsSync(there)) there = dirname(there);
  const way = relative(realpathSync(folder), realpathSync(there));
  if (way !== '..' && !way.startsWith(`..${sep}`)) return file;
  throw new MicroError({ code: CODE.forbidden, detail: `${path} leads out of ${folder}: nothing is written there` });
}
