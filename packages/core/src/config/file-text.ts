import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { CODE } from '../error/code.ts';
import { MicroError } from '../error/micro-error.ts';
import { reasonOf } from '../util/reason.ts';
import { configError } from './config-error.ts';

/**
 * The text of a file, `undefined` when there is none. Throws a 413 when it is larger than `maxBytes`, a 400 when it is no
 * UTF-8 or no file, and a 503 when it cannot be read. It never waits for a writer at the other end of a pipe.
 */
export async function readText(path: string, maxBytes: number): Promise<string | undefined> {
  try {
    const file = await open(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
    try {
      if (!(await file.stat()).isFile()) throw configError(CODE.badRequest, `${path} is no file; give the path of one`);
      return decode(await readBytes(file, path, maxBytes), path);
    } finally {
      await file.close();
    }
  } catch (cause) {
    if (cause instanceof MicroError) throw cause;
    if (cause instanceof Error && 'code' in cause && (cause.code === 'ENOENT' || cause.code === 'ENOTDIR')) {
      return undefined;
    }
    throw configError(CODE.unavailable, `${path} cannot be read: ${reasonOf(cause)}`, cause);
  }
}

async function readBytes(file: Awaited<ReturnType<typeof open>>, path: string, maxBytes: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let total = 0;
  // What `stat` said may be over by now, so what is read is counted.
  for (;;) {
    const { bytesRead, buffer } = await file.read(Buffer.alloc(64 * 1024));
    if (bytesRead === 0) return Buffer.concat(chunks);
    total += bytesRead;
    if (total > maxBytes) {
      throw configError(
        CODE.tooLarge,
        `${path} has more than ${maxBytes} bytes (maxBytes); keep data out of the config`,
      );
    }
    chunks.push(buffer.subarray(0, bytesRead));
  }
}

function decode(bytes: Buffer, path: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    throw configError(CODE.badRequest, `${path} is no UTF-8; save it as that`, cause);
  }
}
