import { randomBytes } from 'node:crypto';
import { lstat, mkdir, readdir, rename, rm, rmdir, writeFile } from 'node:fs/promises';
import { basename, dirname, join, relative, sep } from 'node:path';
import { CODE, MicroError } from '@micro/core';

/** Text by path, from the folder of the tree, with `/` on every system. */
export type Tree = ReadonlyMap<string, string>;

/**
 * Writes a tree as the folder `target`, whole or not at all: into a folder beside it, which then takes its name. Throws a
 * 409 when there is something at `target` that is no empty folder; nothing is ever overwritten, also when two programs write
 * the same in the same moment. A program that is killed leaves at most a hidden folder `.<name>.<random>`.
 */
export async function writeTree(target: string, tree: Tree, signal: AbortSignal): Promise<void> {
  await mustBeFree(target);
  const parent = dirname(target);
  const made = await mkdir(parent, { recursive: true });
  const draft = join(parent, `.${basename(target)}.${randomBytes(6).toString('hex')}`);
  try {
    await mkdir(draft);
    for (const [path, text] of tree) {
      signal.throwIfAborted();
      await writeInto(draft, path, text);
    }
    signal.throwIfAborted();
    await takeName(draft, target);
  } catch (error) {
    await rm(draft, { recursive: true, force: true });
    if (made !== undefined) await removeEmpty(parent, made);
    throw error;
  }
}

/** Throws a 409 unless there is nothing at `target`, or an empty folder. */
export async function mustBeFree(target: string): Promise<void> {
  const found = await lstat(target).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  if (found === undefined) return;
  if (!found.isDirectory() || (await readdir(target)).length > 0) throw alreadyExists(target);
}

async function writeInto(root: string, path: string, text: string): Promise<void> {
  const file = join(root, path);
  if (!file.startsWith(root + sep)) throw new Error(`${path} is outside of its tree`);
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, text, { flag: 'wx' });
}

async function takeName(draft: string, target: string): Promise<void> {
  // Windows gives no name that an empty folder has.
  if (process.platform === 'win32') await rmdir(target).catch(() => {});
  try {
    await rename(draft, target);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    // Somebody else was there first.
    if (code === 'ENOTEMPTY' || code === 'EEXIST' || code === 'ENOTDIR') throw alreadyExists(target);
    throw error;
  }
}

/** Takes back the folders that were made for a tree which was not written, unless somebody uses them by now. */
async function removeEmpty(folder: string, first: string): Promise<void> {
  for (let at = folder; !relative(first, at).startsWith('..'); at = dirname(at)) {
    try {
      await rmdir(at);
    } catch {
      return;
    }
  }
}

function alreadyExists(target: string): MicroError {
  return new MicroError({ id: 'micro', code: CODE.conflict, detail: `${basename(target)} already exists` });
}
