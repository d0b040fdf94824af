import { readFileSync, realpathSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { configError } from '../console/config-error.ts';
import { didYouMean } from '../console/suggest.ts';
import { UsageError } from '../console/usage-error.ts';
import { CORE, type Manifest, readPackage, shortNameOf } from '../project/packages.ts';
import { CONFIG_FILE, readMicroConfig, type ServiceConfig } from './micro-config.ts';
import { type EntryFields, entryOf, ownEntryOf } from './node-command.ts';

/** A service that was found, and not yet how it is run. */
export interface FoundService {
  /** The name of its package without the scope, or what `micro.config.json` calls it. */
  readonly name: string;
  /** Its real path. */
  readonly folder: string;
  /** The file that it is started with, from its folder. A service that has a command of its own may have none. */
  readonly entry: string | undefined;
  readonly config: ServiceConfig;
}

/** Where services are looked for in a folder that names no workspaces. */
const USUAL_PLACES: readonly string[] = ['*', '*/*'];

/**
 * The services at some paths: a package that depends on `@micro/core`, or all of those in a folder (its workspaces, or the
 * folders in it), with what `micro.config.json` there adds. Throws a usage error that names a path that has none, and 400
 * for settings that cannot be used.
 */
export async function findServices(paths: readonly string[], cwd: string): Promise<readonly FoundService[]> {
  const found = new Map<string, FoundService>();
  for (const path of paths) for (const service of await servicesAt(path, cwd)) add(found, service);
  return [...found.values()];
}

/** Adds a service to those that were found. Throws 400 when another one has its name. */
function add(found: Map<string, FoundService>, service: FoundService): void {
  const same = found.get(service.name);
  if (same !== undefined && same.folder !== service.folder) {
    throw configError(
      `${same.folder} and ${service.folder} are both called ${service.name}: run one of them, or name them in ${CONFIG_FILE}`,
    );
  }
  found.set(service.name, service);
}

async function servicesAt(path: string, cwd: string): Promise<readonly FoundService[]> {
  const folder = folderAt(path, cwd);
  const found = await packagesIn(folder);
  const named = [...(readMicroConfig(folder)?.services ?? [])].map(([name, config]) =>
    configured(folder, name, config, found),
  );
  const isOf = (own: FoundService) => (other: FoundService) => own.folder === other.folder;
  // What the settings name is called so, in the place in which it was found.
  const services = [
    ...found.flatMap((service) => (named.some(isOf(service)) ? named.filter(isOf(service)) : [service])),
    ...named.filter((service) => !found.some(isOf(service))),
  ];
  if (services.length > 0) return services;
  throw new UsageError(
    `there is no service in ${folder}: no package in it depends on ${CORE} and has a micro.entry or a src/main.ts`,
  );
}

function folderAt(path: string, cwd: string): string {
  const folder = resolve(cwd, path);
  if (statSync(folder, { throwIfNoEntry: false })?.isDirectory() === true) return realpathSync(folder);
  throw new UsageError(`${JSON.stringify(path)} is no folder: give that of a service, or one with services in it`);
}

/** The service that a folder is, or those that are in it. */
async function packagesIn(folder: string): Promise<readonly FoundService[]> {
  const itself = serviceIn(folder, entryOf);
  if (itself !== undefined) return [itself];
  const { glob } = await import('tinyglobby');
  const places = await workspacesOf(folder);
  const manifests = await glob(
    (places ?? USUAL_PLACES).map((place) => `${place.replace(/\/+$/, '')}/package.json`),
    { cwd: folder, ignore: ['**/node_modules/**'], expandDirectories: false, deep: 8 },
  );
  return manifests.sort().flatMap((manifest) => {
    // A library has a `main` too; among several only what can be nothing but a service is one.
    return serviceIn(dirname(join(folder, manifest)), ownEntryOf) ?? [];
  });
}

function serviceIn(
  folder: string,
  findEntry: (folder: string, fields: EntryFields) => string | undefined,
): FoundService | undefined {
  const found = readPackage(folder);
  if (found === undefined || !usesCore(found.manifest)) return undefined;
  const entry = findEntry(found.folder, found.manifest as EntryFields);
  if (entry === undefined) return undefined;
  return { name: shortNameOf(found), folder: found.folder, entry, config: {} };
}

/** A plugin works with core that others bring, and is no service. */
function usesCore({ dependencies, devDependencies, peerDependencies }: Manifest): boolean {
  const has = (list: unknown): boolean => typeof list === 'object' && list !== null && Object.hasOwn(list, CORE);
  return !has(peerDependencies) && (has(dependencies) || has(devDependencies));
}

/** The patterns of npm, yarn or pnpm; `undefined` when the folder has none. */
async function workspacesOf(folder: string): Promise<readonly string[] | undefined> {
  const { workspaces } = (readPackage(folder)?.manifest ?? {}) as { workspaces?: unknown };
  const listed = Array.isArray(workspaces) ? workspaces : (workspaces as { packages?: unknown } | undefined)?.packages;
  return texts(listed) ?? texts(await pnpmWorkspaces(folder));
}

async function pnpmWorkspaces(folder: string): Promise<unknown> {
  try {
    const text = readFileSync(join(folder, 'pnpm-workspace.yaml'), 'utf8');
    const { parse } = await import('yaml');
    return (parse(text) as { packages?: unknown } | null)?.packages;
  } catch {
    return undefined;
  }
}

function texts(value: unknown): readonly string[] | undefined {
  if (!Array.isArray(value)) return undefined;
  return value.filter((item): item is string => typeof item === 'string' && item !== '');
}

function configured(folder: string, name: string, config: ServiceConfig, found: readonly FoundService[]): FoundService {
  const known = found.find((service) => service.name === name);
  if (config.path === undefined) {
    if (known !== undefined) return { ...known, config };
    const meant = didYouMean(
      name,
      found.map((service) => service.name),
    );
    const hint = meant === '' ? ': give its path' : meant;
    throw configError(
      `${join(folder, CONFIG_FILE)}: services.${name} is no service that was found in ${folder}${hint}`,
    );
  }
  const its = resolve(folder, config.path);
  if (statSync(its, { throwIfNoEntry: false })?.isDirectory() !== true) {
    throw configError(`${join(folder, CONFIG_FILE)}: services.${name}.path is no folder: ${its}`);
  }
  const real = realpathSync(its);
  const entry = entryOf(real, (readPackage(real)?.manifest ?? {}) as EntryFields);
  if (entry !== undefined || config.command !== undefined) return { name, folder: real, entry, config };
  throw configError(`${join(folder, CONFIG_FILE)}: services.${name} has neither a command nor a file to start it with`);
}
