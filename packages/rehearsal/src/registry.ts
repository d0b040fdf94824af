import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { mustRun } from './run.ts';
import { outsideEnvironment, TOOLS } from './tools.ts';

/** A registry for npm packages on this machine. */
export interface PackageRegistry {
  readonly url: string;
  /** What a user who may publish shows. */
  readonly token: string;
  /** The process group, to be ended when nobody else does. */
  readonly group: number;
  /** The versions of a package that were published here. */
  versions(name: string): Promise<readonly string[]>;
  close(): Promise<void>;
}

const PROCESS = join(import.meta.dirname, 'registry-process.mjs');
const START_MS = 60_000;

/**
 * Starts a registry that keeps what is published in `folder`. The packages called `own` are asked of nobody else; all
 * others come from the registry that npm is set to, and are kept too.
 */
export async function startRegistry(folder: string, own: readonly string[]): Promise<PackageRegistry> {
  await mkdir(folder, { recursive: true });
  const mine = { access: '$all', publish: '$authenticated' };
  const settings = {
    storage: join(folder, 'storage'),
    configPath: join(folder, 'config.yaml'),
    self_path: join(folder, 'config.yaml'),
    auth: { htpasswd: { file: join(folder, 'htpasswd'), max_users: 1 } },
    uplinks: { upstream: await upstream() },
    packages: {
      ...Object.fromEntries(own.map((name) => [name, mine])),
      '**': { access: '$all', proxy: 'upstream' },
    },
    web: { enable: false },
    max_body_size: '100mb',
    log: { type: 'file', path: join(folder, 'registry.log'), level: 'warn' },
  };
  await writeFile(settings.configPath, '');
  const child = spawn(process.execPath, [PROCESS, join(TOOLS, 'package.json')], {
    cwd: folder,
    detached: true,
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  child.on('error', () => {});
  child.send(settings);
  const ended = once(child, 'exit');
  const answer = once(child, 'message', { signal: AbortSignal.timeout(START_MS) }).then(([port]) => Number(port));
  const port = await Promise.race([answer, ended.then(([code]) => Promise.reject(registryEnded(code)))]);
  const url = `http://127.0.0.1:${port}/`;
  return {
    url,
    token: await addUser(url),
    group: child.pid ?? 0,
    async versions(name) {
      const response = await fetch(new URL(name.replace('/', '%2f'), url));
      if (response.status === 404) return [];
      const { versions } = (await response.json()) as { readonly versions: Readonly<Record<string, unknown>> };
      return Object.keys(versions);
    },
    async close() {
      if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL');
      await ended;
    },
  };
}

function registryEnded(code: unknown): Error {
  return new Error(`the registry ended with ${String(code)} before it was ready`);
}

/** The registry that npm asks on this machine, and how it gets there. */
async function upstream(): Promise<object> {
  const names = ['registry', 'cafile', 'https-proxy', 'proxy', 'noproxy'];
  const output = await mustRun('npm', ['config', 'get', ...names], { cwd: tmpdir(), env: outsideEnvironment() });
  const settings = new Map(
    output.split('\n').map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
  );
  const setting = (name: string): string | undefined => {
    const value = settings.get(name);
    return value === undefined || ['', 'null', 'undefined'].includes(value) ? undefined : value;
  };
  const certificates = setting('cafile');
  return {
    url: setting('registry') ?? '',
    maxage: '1h',
    timeout: '60s',
    max_fails: 10,
    fail_timeout: '1s',
    ...(certificates !== undefined && existsSync(certificates) && { ca: readFileSync(certificates, 'utf8') }),
    ...(setting('https-proxy') && { https_proxy: setting('https-proxy') }),
    ...(setting('proxy') && { http_proxy: setting('proxy') }),
    ...(setting('noproxy') && { no_proxy: setting('noproxy') }),
  };
}

/** The first user, who may publish, and the token that npm shows for them. */
async function addUser(url: string): Promise<string> {
  const name = 'rehearsal';
  const response = await fetch(new URL(`-/user/org.couchdb.user:${name}`, url), {
    method: 'PUT',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ name, password: crypto.randomUUID() }),
  });
  const { token } = (await response.json()) as { readonly token?: string };
  if (token === undefined) throw new Error(`the registry made no user: ${response.status}`);
  return token;
}
