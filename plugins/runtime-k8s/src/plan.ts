import { CODE, type CreateOptions, type Workload } from '@micro/core';
import { k8sError } from './k8s-error.ts';
import type { Settings } from './k8s-options.ts';
import { checkNamespace, type Names, namesOf, shown } from './names.ts';

/** What a workload and its options ask for; what they do not say is `undefined`. */
export interface Plan {
  readonly names: Names;
  readonly namespace: string;
  readonly workload: Workload;
  readonly image: string | undefined;
  readonly command: readonly string[] | undefined;
  readonly args: readonly string[] | undefined;
  readonly env: ReadonlyMap<string, string> | undefined;
}

/** These name the workload itself. */
const RESERVED = new Set(['name', 'version', 'source', 'owner', 'group', 'updated']);
/** The name of an annotation, after an optional host name and a slash. */
const ANNOTATION = /^(?:([a-z0-9](?:[-a-z0-9.]{0,251}[a-z0-9])?)\/)?[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$/;
/** What belongs to Kubernetes, or to this runtime. */
const FOREIGN_HOST = /(?:^|\.)(?:kubernetes\.io|k8s\.io|micro\.mu)$/;
/** The API server takes no more annotations than 256 KiB. */
const LONGEST_METADATA = 128 * 1_024;

/** What to make of a workload. Throws 400 for what Kubernetes cannot have, before anything is asked of it. */
export function planOf(given: Workload, options: CreateOptions, namespace: string): Plan {
  const names = namesOf(given);
  checkMetadata(given);
  const { command, args, env, retries } = options;
  if (retries !== undefined) {
    const rule = 'a Deployment starts what ended again for ever: leave retries out';
    throw bad(`retries ${shown(retries)} of ${given.name} cannot be kept on Kubernetes: ${rule}`);
  }
  if (given.source !== undefined) checkText(`source of ${given.name}`, given.source);
  const { image } = options;
  if (image !== undefined) checkImage(given.name, image);
  for (const word of [...(command ?? []), ...(args ?? [])]) checkText(`command of ${given.name}`, word);
  if (command !== undefined && (command[0] ?? '') === '') {
    throw bad(`the command of ${given.name} is empty: give a program and its arguments, or leave it to the image`);
  }
  return {
    names,
    namespace: checkNamespace(options.namespace ?? namespace),
    workload: {
      name: given.name,
      version: given.version,
      ...(given.source === undefined ? {} : { source: given.source }),
      metadata: { ...given.metadata },
    },
    image,
    command: command?.map(literal),
    // Another command has arguments of its own.
    args: args?.map(literal) ?? (command === undefined ? undefined : []),
    env: env === undefined ? undefined : envOf(given.name, env),
  };
}

/** The image to run: the one that is named, or the source. Throws 400 when nobody names one. */
export function imageOf({ image, workload }: Plan, settings: Settings): string {
  const found = image ?? (workload.source || settings.image);
  if (found !== undefined && found !== '') {
    checkImage(workload.name, found);
    return found;
  }
  throw bad(`there is no image for ${workload.name}: give one as image, as its source, or to k8sRuntime for all`);
}

function checkImage(workload: string, image: unknown): void {
  checkText(`image of ${workload}`, image);
  if (/^\S+$/.test(String(image))) return;
  throw bad(`image ${shown(image)} of ${workload} is no name of an image`);
}

function envOf(workload: string, env: Readonly<Record<string, string>>): ReadonlyMap<string, string> {
  const variables = new Map(Object.entries(env));
  for (const [name, value] of variables) {
    // The value may be a secret, and is not shown.
    if (typeof value !== 'string' || value.includes('\0')) {
      throw bad(`environment variable ${shown(name)} of ${workload} is no text without NUL`);
    }
    if (!/^[!-<>-~]+$/.test(name)) {
      throw bad(`${shown(name)} is no name of an environment variable on Kubernetes: use printable ASCII without =`);
    }
  }
  return new Map([...variables].map(([name, value]) => [name, literal(value)]));
}

/** Kubernetes replaces `$(NAME)` and `$$` in commands and variables; what is given has to arrive as it is. */
function literal(text: string): string {
  return /\$[($]/.test(text) ? text.replaceAll('$', '$$$$') : text;
}

function checkMetadata({ name, metadata }: Workload): void {
  let size = 0;
  for (const [key, value] of Object.entries(metadata)) {
    if (RESERVED.has(key)) {
      throw bad(`metadata ${shown(key)} of ${name} is not allowed: go-micro writes the workload itself there`);
    }
    const host = ANNOTATION.exec(key)?.[1];
    if (!ANNOTATION.test(key) || (host !== undefined && FOREIGN_HOST.test(host))) {
      const rule = 'use up to 63 letters, digits, - _ and ., after a host name of yours and / if you like';
      throw bad(`metadata ${shown(key)} of ${name} cannot be the name of an annotation: ${rule}`);
    }
    checkText(`metadata ${shown(key)} of ${name}`, value);
    size += Buffer.byteLength(key) + Buffer.byteLength(value);
  }
  if (size > LONGEST_METADATA) {
    throw k8sError(CODE.tooLarge, `the metadata of ${name} have ${size} bytes: at most ${LONGEST_METADATA} are kept`);
  }
}

function checkText(what: string, value: unknown): void {
  if (typeof value === 'string' && !value.includes('\0')) return;
  throw bad(`${what} has ${shown(value)}, which is no text without NUL`);
}

function bad(detail: string): Error {
  return k8sError(CODE.badRequest, detail);
}
