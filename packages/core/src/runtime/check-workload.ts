import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { CreateOptions, Workload } from '../contract/runtime.ts';
import { CODE } from '../error/code.ts';
import { reasonOf } from '../util/reason.ts';
import { runtimeError } from './runtime-error.ts';

/** A name of anything: it can be a part of a path, of a command line and of a key without being taken for something else. */
const NAME = /^[A-Za-z0-9][A-Za-z0-9._+-]{0,127}$/;

/** The namespace of a workload that names none, as in go-micro. */
export const DEFAULT_NAMESPACE = 'default';

/** Which workload is meant. Throws 400 for names that are none. */
export function keyOf({ name, version }: Pick<Workload, 'name' | 'version'>, namespace = DEFAULT_NAMESPACE): string {
  checkName('name', name);
  checkName('version', version);
  checkName('namespace', namespace);
  return `${namespace}/${name}@${version}`;
}

/** What to run, with everything that was left out. */
export interface RunPlan {
  readonly command: readonly [string, ...string[]];
  readonly folder: string;
  readonly env: Readonly<Record<string, string>>;
  readonly retries: number | undefined;
}

/** What a workload and its options say to run. Throws 400 for what cannot be run. */
export async function planOf(workload: Workload, options: CreateOptions): Promise<RunPlan> {
  const { command, args, env = {}, retries } = options;
  // `node .` is here what `go run .` is to go-micro.
  const program = command ?? [process.execPath];
  const words = [...program, ...(args ?? (command === undefined ? ['.'] : []))];
  for (const word of words) checkText('command', word);
  const [first, ...others] = words;
  if (program.length === 0 || first === undefined || first === '') {
    throw runtimeError(CODE.badRequest, `the command of ${workload.name} is empty: give a program and its arguments`);
  }
  for (const [name, value] of Object.entries(env)) {
    checkText(`environment variable ${name}`, value);
    if (name === '' || /[=\0]/.test(name)) {
      throw runtimeError(CODE.badRequest, `${shown(name)} is no name of an environment variable`);
    }
  }
  if (retries !== undefined && !(Number.isInteger(retries) && retries >= 0)) {
    throw runtimeError(CODE.badRequest, `retries ${shown(retries)} is no whole number from 0 upwards`);
  }
  return { command: [first, ...others], folder: await folderOf(workload), env, retries };
}

async function folderOf({ name, source }: Workload): Promise<string> {
  if (source === undefined || source === '') return process.cwd();
  checkText('source', source);
  const folder = resolve(source);
  const isFolder = await stat(folder).then(
    (found) => found.isDirectory(),
    (error: unknown) => {
      throw runtimeError(CODE.badRequest, `the source of ${name} cannot be read: ${reasonOf(error)}`, error);
    },
  );
  if (!isFolder) throw runtimeError(CODE.badRequest, `the source of ${name} is no folder: ${shown(source)}`);
  return folder;
}

/** Throws 400 for an option that is a number and can mean nothing. */
export function checkNumbers(options: object): void {
  for (const [name, value] of Object.entries(options)) {
    if (typeof value === 'number' && !(Number.isFinite(value) && value >= 0)) {
      throw runtimeError(CODE.badRequest, `${name} cannot be ${value}: give 0 or more`);
    }
  }
}

function checkName(what: string, value: unknown): void {
  if (typeof value === 'string' && NAME.test(value)) return;
  const rule = 'use up to 128 letters, digits, and . _ + - but for the first';
  throw runtimeError(CODE.badRequest, `${what} ${shown(value)} of a workload is not allowed: ${rule}`);
}

function checkText(what: string, value: unknown): void {
  if (typeof value === 'string' && !value.includes('\0')) return;
  throw runtimeError(CODE.badRequest, `${what} has ${shown(value)}, which is no text without NUL`);
}

function shown(value: unknown): string {
  return JSON.stringify(String(value).slice(0, 80));
}
