import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { CODE, MicroError } from '@micro/core';
import type { Terminal } from '../console/terminal.ts';
import { foldersUp } from '../project/folders-up.ts';
import { commandsOf, detectPackageManager } from '../project/package-manager.ts';
import { installedPackage } from '../project/packages.ts';
import { runProgram } from '../project/run-program.ts';

const TEMPLATE = 'buf.gen.yaml';
const BUF = '@bufbuild/buf';
const PLUGIN = '@bufbuild/protoc-gen-es';
const TIMEOUT_MS = 120_000;

/** What code is generated with. */
export interface GenerateOptions {
  /** A folder of the project: that of its `buf.gen.yaml`, or one below. */
  readonly folder: string;
  readonly env: Terminal['env'];
  readonly signal: AbortSignal;
  /** Where it is written, instead of into the project. */
  readonly into?: string | undefined;
}

/** The folder that code is generated in: the nearest with a `buf.gen.yaml`, from `folder` up; `undefined` without one. */
export function protoFolder(folder: string): string | undefined {
  return foldersUp(folder).find((at) => existsSync(join(at, TEMPLATE)));
}

/**
 * Generates the code of a project's `.proto` files with the project's own buf and plugins: `buf generate`. Returns the folder of
 * the project. Throws a 400 when there is nothing to generate or buf refuses it, with what buf says; a `go.micro.cmd` error with
 * the line that installs them when buf or its plugin is missing.
 */
export async function generateProto({ folder, env, signal, into }: GenerateOptions): Promise<string> {
  const project = protoFolder(folder);
  if (project === undefined) {
    throw new MicroError({
      id: 'micro',
      code: CODE.badRequest,
      detail: `there is no ${TEMPLATE} in ${folder} or above it: it says which code is generated from .proto files`,
    });
  }
  const missing = [BUF, PLUGIN].filter((name) => installedPackage(name, project) === undefined);
  const buf = installedPackage(BUF, project);
  if (buf === undefined || missing.length > 0) {
    throw new MicroError({
      id: 'go.micro.cmd',
      code: CODE.notFound,
      detail:
        `${missing.join(' and ')} ${missing.length === 1 ? 'is' : 'are'} not installed in ${project}: ` +
        `run ${commandsOf(detectPackageManager(env, project)).addDev(missing)}`,
    });
  }
  await runProgram({
    name: 'buf generate',
    command: [
      process.execPath,
      join(buf.folder, 'bin', 'buf'),
      'generate',
      ...(into === undefined ? [] : ['--output', into]),
    ],
    folder: project,
    env: { ...env, PATH: programsOf(project, env.PATH) },
    signal,
    timeoutMs: TIMEOUT_MS,
  });
  return project;
}

/** Where buf looks for plugins: among the programs that packages of the project bring, then where the user's are. */
function programsOf(project: string, path = ''): string {
  const own = foldersUp(project).map((at) => join(at, 'node_modules', '.bin'));
  return [...own, path].join(delimiter);
}
