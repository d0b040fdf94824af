import { readFile, stat } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { reasonOf, shown } from '@micro/core/plugin';
import { UsageError } from '../../console/usage-error.ts';
import type { Names, Target } from '../project.ts';
import { helloworldProto } from './proto.ts';

/** No description is larger. */
const LONGEST_PROTO = 1024 * 1024;

/** How a client is told what it calls. */
export interface TargetOptions {
  /** The names of the service. */
  readonly names: Names;
  /** A file with its description; `false`: it has none; `undefined`: looked for beside the client. */
  readonly proto: string | false | undefined;
  /** The folder of the user. */
  readonly cwd: string;
}

/**
 * What a client of a service calls: the first unary method of its `.proto`. Without a file that is the one of the service beside
 * it, or the description that new services have. Throws a usage error for a file that cannot be read or has no such method.
 */
export async function targetOf({ names, proto, cwd }: TargetOptions): Promise<Target> {
  const { service, handler } = names;
  const usual = { service, handler, method: 'Call', request: `{ name: 'John' }` };
  if (proto === false) return usual;
  const beside = join(cwd, names.folder, 'proto', `${service}.proto`);
  const path = proto === undefined ? await fileAt(beside) : resolve(cwd, proto);
  if (path === undefined) {
    return { ...usual, proto: { file: `${service}.proto`, text: helloworldProto(names) } };
  }
  const text = await readProto(path);
  const { name, method } = firstMethod(text, path);
  const request = asksForName(text, method.request) ? usual.request : '{}';
  return { service, handler: name, method: method.name, request, proto: { file: fileName(path), text } };
}

async function fileAt(path: string): Promise<string | undefined> {
  const found = await stat(path).catch(() => undefined);
  return found?.isFile() === true ? path : undefined;
}

async function readProto(path: string): Promise<string> {
  try {
    const { size } = await stat(path);
    if (size > LONGEST_PROTO) throw new UsageError(`it has more than ${LONGEST_PROTO} bytes`);
    return await readFile(path, 'utf8');
  } catch (cause) {
    throw new UsageError(`--proto ${shown(path)} cannot be read: ${reasonOf(cause)}`, { cause });
  }
}

function fileName(path: string): string {
  const name = basename(path);
  if (/^\w[\w.-]*\.proto$/.test(name)) return name;
  throw new UsageError(`--proto ${shown(path)}: call the file after what it describes, such as helloworld.proto`);
}

/** The first method of the first service that streams neither way. */
function firstMethod(text: string, path: string) {
  const source = withoutComments(text);
  const [, name, body] = /\bservice\s+([A-Za-z]\w*)\s*\{([\s\S]*)/.exec(source) ?? [];
  if (name === undefined || body === undefined) throw new UsageError(`--proto ${shown(path)} describes no service`);
  const [own = ''] = body.split(/\bservice\s+[A-Za-z]\w*\s*\{/);
  for (const [, method, request = '', answer = ''] of own.matchAll(
    /\brpc\s+([A-Za-z]\w*)\s*\(([^)]*)\)\s*returns\s*\(([^)]*)\)/g,
  )) {
    if (method === undefined || /^\s*stream\s/.test(request) || /^\s*stream\s/.test(answer)) continue;
    return { name, method: { name: method, request: request.trim() } };
  }
  throw new UsageError(`--proto ${shown(path)}: ${name} has no method with one request and one answer`);
}

function asksForName(text: string, message: string): boolean {
  const [, fields = ''] =
    new RegExp(`\\bmessage\\s+${message.replaceAll(/\W/g, '\\$&')}\\s*\\{([^}]*)`).exec(withoutComments(text)) ?? [];
  return /\bstring\s+name\s*=/.test(fields);
}

function withoutComments(text: string): string {
  return text.replaceAll(/\/\/.*|\/\*[\s\S]*?\*\//g, ' ');
}
