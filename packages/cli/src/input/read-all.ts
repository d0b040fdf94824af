import { constants, createReadStream, openSync, statSync } from 'node:fs';
import { Socket } from 'node:net';
import { resolve } from 'node:path';
import { addAbortSignal, type Readable } from 'node:stream';
import { reasonOf } from '@micro/core/plugin';
import type { Terminal } from '../console/terminal.ts';
import { UsageError } from '../console/usage-error.ts';

/** The most bytes of one message: what core's transports and brokers carry. */
export const MOST_BYTES = 16 * 1024 * 1024;

/** Where a text or bytes can come from. */
export interface Origin {
  readonly terminal: Terminal;
  readonly signal: AbortSignal;
}

/** All of stdin (`-`), or of the file behind an `@`. Throws a usage error that names what cannot be read or is too large. */
export function readReference(reference: string, { terminal, signal }: Origin): Promise<Buffer> {
  if (reference === '-') return readAll(() => addAbortSignal(signal, terminal.stdin), 'stdin', signal);
  const path = resolve(terminal.cwd, reference.slice(1));
  return readAll(() => openFile(path, signal), nameOf(reference), signal);
}

/** A pipe that nobody writes to yet is waited for as a socket is: to open it as a file could not be cancelled. */
function openFile(path: string, signal: AbortSignal): Readable {
  if (statSync(path, { throwIfNoEntry: false })?.isFIFO() !== true) return createReadStream(path, { signal });
  const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  return addAbortSignal(signal, new Socket({ fd, readable: true, writable: false }));
}

/** Whether an argument stands for something that is to be read. */
export function isReference(argument: string): boolean {
  return argument === '-' || (argument.startsWith('@') && argument.length > 1);
}

/** What people call it. */
export function nameOf(reference: string): string {
  return reference === '-' ? 'stdin' : `the file ${JSON.stringify(reference.slice(1))}`;
}

/** Bytes as text. Throws a usage error for what is no UTF-8. */
export function readUtf8(bytes: Uint8Array, what: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new UsageError(`${what} is not UTF-8`, { cause });
  }
}

async function readAll(open: () => Readable, what: string, signal: AbortSignal): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const chunk of open()) {
      const next = Buffer.from(chunk);
      bytes += next.length;
      if (bytes > MOST_BYTES) throw new UsageError(`${what} is larger than ${MOST_BYTES} bytes`);
      chunks.push(next);
    }
  } catch (cause) {
    signal.throwIfAborted();
    if (cause instanceof UsageError) throw cause;
    throw new UsageError(`${what} cannot be read: ${reasonOf(cause)}`, { cause });
  }
  return Buffer.concat(chunks);
}
