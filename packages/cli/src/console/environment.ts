import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { parseEnv } from 'node:util';
import { reasonOf } from '@micro/core/plugin';
import type { Terminal } from './terminal.ts';
import { UsageError } from './usage-error.ts';

/**
 * The variables of the process over those of the files, the later file over the earlier. Throws a usage error that names
 * a file that cannot be read.
 */
export async function readEnvironment(terminal: Terminal, files: readonly string[]): Promise<Terminal['env']> {
  const found: Record<string, string | undefined> = Object.create(null);
  for (const file of files) {
    try {
      Object.assign(found, parseEnv(withoutMark(await readFile(resolve(terminal.cwd, file), 'utf8'))));
    } catch (cause) {
      throw new UsageError(`--env-file ${JSON.stringify(file)} cannot be read: ${reasonOf(cause)}`, { cause });
    }
  }
  return Object.assign(found, terminal.env);
}

/** Some editors begin a file with a mark of its byte order, which would be a part of the first name. */
function withoutMark(text: string): string {
  return text.replace(/^\uFEFF/, '');
}
