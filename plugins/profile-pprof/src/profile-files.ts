import { randomUUID } from 'node:crypto';
import { lstat, mkdir, open, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { CODE, MicroError } from '@micro/core';
import { reasonOf, within } from '@micro/core/plugin';
import { pprofError } from './pprof-error.ts';

/** Where the profiles of one service are written. */
export interface ProfileFiles {
  readonly folder: string;
  readonly cpu: string;
  readonly mem: string;
}

/** A file system may hang. */
const LIMIT_MS = 5_000;
/** Written and removed again at the start. */
const PROBE_BYTES = 64 * 1024;
/** A name that is a part of a file name on every system, and never a path. */
const NAME = /^[\p{L}\p{N}._@-]{0,100}$/u;

/** go-micro's names: `<name>.cpu.pprof` and `<name>.mem.pprof`, without a name `cpu.pprof` and `mem.pprof`. */
export function profileFiles(folder: string, name: string): ProfileFiles {
  if (typeof name !== 'string' || !NAME.test(name)) {
    throw pprofError(
      CODE.badRequest,
      `name ${JSON.stringify(name)} cannot begin the name of a file: use at most 100 letters, digits and . _ @ -, and \`folder\` for where it is`,
    );
  }
  const prefix = name === '' ? '' : `${name}.`;
  return { folder, cpu: join(folder, `${prefix}cpu.pprof`), mem: join(folder, `${prefix}mem.pprof`) };
}

/** A name that nobody else has, on this host or another: what it is called, its process, and a number by chance. */
export function uniqueName(called: string = basename(process.argv[1] ?? 'node').replace(/\.\w+$/, '')): string {
  const plain = called.replace(/[^\p{L}\p{N}._@-]+/gu, '-').slice(0, 60);
  return `${plain}-${process.pid}-${randomUUID().slice(0, 6)}`;
}

/**
 * Finds out now whether the profiles can be written when the service stops: makes the folder, and writes to it. Throws 503
 * when it cannot, and 409 when something else than a file has one of the names.
 */
export async function probe({ folder, cpu, mem }: ProfileFiles): Promise<void> {
  await attempt(`writing profiles to ${folder}`, async () => {
    await mkdir(folder, { recursive: true });
    for (const file of [cpu, mem]) {
      const found = await lstat(file).catch(() => undefined);
      if (found !== undefined && !found.isFile()) {
        throw pprofError(CODE.conflict, `${file} is there and is no file: remove it, or give the profile another name`);
      }
    }
    const draft = draftOf(cpu);
    try {
      await writeNew(draft, Buffer.alloc(PROBE_BYTES));
    } finally {
      await rm(draft, { force: true });
    }
  });
}

/** Writes a profile: whoever reads sees the old one or the new one, never half of one. Throws 503. */
export function writeProfile(file: string, bytes: Buffer): Promise<void> {
  return attempt(`writing ${file}`, async () => {
    // Who tidies up temporary files takes folders away as well.
    await mkdir(dirname(file), { recursive: true });
    const draft = draftOf(file);
    try {
      await writeNew(draft, bytes);
      await rename(draft, file);
    } catch (error) {
      await rm(draft, { force: true });
      throw error;
    }
  });
}

function draftOf(file: string): string {
  return `${file}.${randomUUID().slice(0, 8)}.draft`;
}

/** A new file for this user alone: in a folder that all may write to, nobody has prepared it or links it elsewhere. */
async function writeNew(file: string, bytes: Buffer): Promise<void> {
  const handle = await open(file, 'wx', 0o600);
  try {
    await handle.writeFile(bytes);
    // Some file systems say only now that there is no room.
    await handle.datasync();
  } finally {
    await handle.close();
  }
}

async function attempt(what: string, run: () => Promise<void>): Promise<void> {
  try {
    await within(LIMIT_MS, what, run);
  } catch (cause) {
    if (cause instanceof MicroError) throw cause;
    throw pprofError(
      CODE.unavailable,
      `${what} failed: ${reasonOf(cause)}; see that it is writable and has room`,
      cause,
    );
  }
}
