import { accessSync, constants, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';

/** Servers that are looked for on this machine. */
export type ServerKind = 'etcd' | 'redis' | 'nats';

interface Known {
  readonly program: string;
  readonly debian: string;
}

const KNOWN: Readonly<Record<ServerKind, Known>> = {
  etcd: { program: 'etcd', debian: 'etcd-server' },
  redis: { program: 'redis-server', debian: 'redis-server' },
  nats: { program: 'nats-server', debian: 'nats-server' },
};

/** Where Debian puts servers; not on everybody's PATH. */
const MORE_FOLDERS = ['/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin', '/sbin'];

/** The path of a program, from the PATH and the folders that servers are in; `undefined` when there is none. */
export function findProgram(name: string): string | undefined {
  const folders = [...(process.env.PATH ?? '').split(delimiter), ...MORE_FOLDERS];
  return folders
    .filter((folder) => folder !== '')
    .map((folder) => join(folder, name))
    .find(isProgram);
}

/**
 * Why a server cannot be started on this machine; `undefined` when it can. With `CI` set every server is required, and it
 * throws that reason instead, so that no test is skipped there for want of one.
 */
export function missingServer(kind: ServerKind): string | undefined {
  const { program, debian } = KNOWN[kind];
  if (findProgram(program) !== undefined) return undefined;
  return missing(`${program} is not installed; on Debian: apt-get install ${debian}`);
}

/** The path of a server. Throws when it is not installed. */
export function serverProgram(kind: ServerKind): string {
  const { program, debian } = KNOWN[kind];
  const path = findProgram(program);
  if (path === undefined) throw new Error(`${program} is not installed; on Debian: apt-get install ${debian}`);
  return path;
}

/** Hands a reason to skip on, or throws it where nothing may be skipped. */
export function missing(reason: string): string {
  if ((process.env.CI ?? '') === '') return reason;
  throw new Error(`CI is set, so every server is required, but ${reason}`);
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}
