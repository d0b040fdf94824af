import { mkdir } from 'node:fs/promises';
import type { ClassicLevel } from 'classic-level';
import { CODE } from '../error/code.ts';
import { MicroError } from '../error/micro-error.ts';
import { reasonOf } from '../util/reason.ts';
import { FORMAT, FORMAT_KEY } from './file-keys.ts';
import { storeError } from './store-error.ts';

/** The embedded engine: sorted bytes under bytes, in a folder of its own. */
export type Engine = ClassicLevel<Uint8Array, Uint8Array>;

/**
 * Opens the engine in a folder, which is made when there is none, readable by its owner alone. It is loaded only now, so
 * that a service without a file store does not pay for it. Throws a 409 when somebody has the folder open, and a 503 when
 * it cannot be opened.
 */
export async function openEngine(path: string): Promise<Engine> {
  const engine = await makeEngine(path);
  try {
    await engine.open();
    await checkFormat(engine, path);
  } catch (cause) {
    await engine.close().catch(() => undefined);
    throw openError(path, cause);
  }
  return engine;
}

async function makeEngine(path: string): Promise<Engine> {
  try {
    const { ClassicLevel } = await import('classic-level');
    await mkdir(path, { recursive: true, mode: 0o700 });
    return new ClassicLevel<Uint8Array, Uint8Array>(path, { keyEncoding: 'view', valueEncoding: 'view' });
  } catch (cause) {
    throw openError(path, cause);
  }
}

async function checkFormat(engine: Engine, path: string): Promise<void> {
  const format = await engine.get(FORMAT_KEY);
  if (format !== undefined) {
    const found = Buffer.from(format).toString();
    if (found === Buffer.from(FORMAT).toString()) return;
    const detail = `the file store at ${path} has format ${found}, which this version cannot read; update @micro/core`;
    throw storeError(CODE.unavailable, detail);
  }
  const [first] = await engine.keys({ limit: 1 }).all();
  if (first !== undefined) {
    const detail = `the database at ${path} was not written by a file store; give the store a folder of its own`;
    throw storeError(CODE.unavailable, detail);
  }
  await engine.put(FORMAT_KEY, FORMAT, { sync: true });
}

function openError(path: string, cause: unknown): MicroError {
  if (cause instanceof MicroError) return cause;
  // The engine says that it did not open, and keeps why in the cause.
  const inner: unknown = cause instanceof Error && cause.cause !== undefined ? cause.cause : cause;
  if (inner instanceof Error && 'code' in inner && inner.code === 'LEVEL_LOCKED') {
    const detail = `the file store at ${path} is open already, here or in another process; give each a path of its own, or share a store that has a server`;
    return storeError(CODE.conflict, detail, cause);
  }
  return storeError(CODE.unavailable, `the file store at ${path} cannot be opened: ${reasonOf(inner)}`, cause);
}
