import { realpathSync } from 'node:fs';
import { dirname } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Plugin, PluginKind } from '../contract/plugin.ts';
import { CODE } from '../error/code.ts';
import { MicroError } from '../error/micro-error.ts';
import { reasonOf } from '../util/reason.ts';
import { within } from '../util/within.ts';
import { isPackageName, resolvePackage } from './resolve-package.ts';

/** What a name was asked for with. */
export interface PluginRequest {
  readonly kind: PluginKind;
  /** As the flag gives it: `etcd`, or the full name of a package. */
  readonly name: string;
  /** The names that core itself knows for this kind. */
  readonly known: readonly string[];
  /** Folders from which packages are looked for, the first one first. */
  readonly folders: readonly string[];
}

/** A plugin and the package it came from. */
export interface LoadedPlugin {
  readonly plugin: Plugin;
  readonly packageName: string;
}

const CORE = '@micro/core';
const API = 1;
/** A package may wait for something while it is imported, but not for ever. */
const IMPORT_MS = 30_000;

/** Where the project of the user is: beside the program that runs, and where it was started. */
export function projectFolders(): readonly string[] {
  const [, main] = process.argv;
  return [...(main === undefined ? [] : [dirname(realPath(main))]), process.cwd()];
}

/**
 * Loads the plugin that a flag names: `etcd` for a registry is `@micro/registry-etcd`, anything else the full name of a
 * package, as the project has it installed. Throws 404 for a name that nobody knows, with those that are known, and 400 for
 * a package that is no plugin, one of another kind or name, or one made for another version of the contract.
 */
export async function loadPlugin(request: PluginRequest): Promise<LoadedPlugin> {
  const { kind, name, folders } = request;
  const short = `@micro/${kind}-${name}`;
  for (const packageName of [short, name]) {
    if (!isPackageName(packageName)) continue;
    const file = folders.map((folder) => resolvePackage(packageName, folder)).find((found) => found !== undefined);
    if (file === undefined) continue;
    const plugin = checkManifest(await importManifest(packageName, file), packageName, kind);
    if (packageName === short && plugin.name !== name) {
      throw refused(`${packageName} calls its plugin ${shown(plugin.name)}, not ${shown(name)}`);
    }
    return { plugin, packageName };
  }
  throw unknown(request, isPackageName(short) ? short : undefined);
}

async function importManifest(packageName: string, file: string): Promise<unknown> {
  try {
    const module: { plugin?: unknown } = await within(
      IMPORT_MS,
      `importing ${packageName}`,
      () => import(pathToFileURL(file).href),
    );
    return module.plugin;
  } catch (cause) {
    throw refused(`${packageName} cannot be imported: ${reasonOf(cause)}`, cause);
  }
}

function checkManifest(manifest: unknown, packageName: string, kind: PluginKind): Plugin {
  if (typeof manifest !== 'object' || manifest === null) {
    throw refused(`${packageName} is no plugin: it exports nothing called plugin`);
  }
  const { api, kind: actual, name, create }: Partial<Record<keyof Plugin, unknown>> = manifest;
  if (api !== API) {
    throw refused(
      `${packageName} is made for plugin api ${shown(api)} and this ${CORE} has api ${API}: install versions of ${packageName} and ${CORE} that belong together`,
    );
  }
  if (actual !== kind) throw refused(`${packageName} is a plugin for ${shown(actual)}, not for ${kind}`);
  if (typeof name !== 'string' || name === '' || typeof create !== 'function') {
    throw refused(`the manifest of ${packageName} lacks a name or the function create`);
  }
  // Every field of it was looked at.
  return manifest as Plugin;
}

function unknown({ kind, name, known, folders }: PluginRequest, short: string | undefined): MicroError {
  const there = known.length === 0 ? 'core has none' : `core has ${known.join(', ')}`;
  // A name that no package can have is none that could be installed.
  const missing =
    short === undefined
      ? ''
      : `, and ${short} is not installed: npm install ${short} (looked from ${folders.join(', ')})`;
  return new MicroError({
    id: 'go.micro.cmd',
    code: CODE.notFound,
    detail: `unknown ${kind} ${shown(name)}: ${there}${missing}`,
  });
}

function refused(detail: string, cause?: unknown): MicroError {
  return new MicroError({ id: 'go.micro.cmd', code: CODE.badRequest, detail, cause });
}

function shown(value: unknown): string {
  return typeof value === 'string' ? JSON.stringify(value.slice(0, 80)) : String(value).slice(0, 80);
}

function realPath(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
}
