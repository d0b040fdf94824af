import { freeUdpPort } from '@micro/test-servers';
import { expect } from 'vitest';
import type { Copy } from '../src/copy.ts';
import type { ModuleKind, PackageManager, Project } from '../src/project.ts';
import type { Outcome } from '../src/run.ts';

export const CORE = '@micro/core';
export const MANAGERS: readonly PackageManager[] = ['npm', 'pnpm'];
const KINDS: readonly ModuleKind[] = ['ESM', 'CommonJS'];

/** A plugin, and how a service is told to use it. */
export interface Used {
  readonly plugin: string;
  readonly settings: Readonly<Record<string, string>>;
}

/** Without a plugin services find each other by multicast DNS, here on this machine alone and on a port of their own. */
export async function privately(): Promise<Readonly<Record<string, string>>> {
  return { MICRO_REGISTRY_ADDRESS: `127.0.0.1:${await freeUdpPort()}` };
}

/** Helloworld runs in a project, imported and required, over the plugin, if one is given. */
export async function expectHello(project: Project, used?: Used): Promise<void> {
  for (const kind of KINDS) {
    const alone = used?.settings.MICRO_REGISTRY === undefined ? await privately() : {};
    const { code, stdout, stderr } = await project.hello(kind, { ...alone, ...used?.settings }, used?.plugin);
    expect(code, stderr).toBe(0);
    const seen: Record<string, unknown> = JSON.parse(stdout);
    expect(seen).toMatchObject({ msg: `Hello ${kind}`, heard: kind });
    if (used === undefined) continue;
    const [, part = '', name = ''] = /^@micro\/(\w+)-(\w+)$/.exec(used.plugin) ?? [];
    expect(seen).toMatchObject({ plugin: { kind: part, name }, runsOn: expect.arrayContaining([name]) });
    if (part === 'store') expect(seen.kept).toBe(`greeted over ${kind}`);
  }
}

/** The versions of packages that are installed in a project. */
export async function installed(project: Project, ...names: readonly string[]): Promise<readonly string[]> {
  return Promise.all(names.map((name) => project.version(name)));
}

/** Releases what was announced, and returns the versions that are new. */
export async function release(copy: Copy): Promise<Readonly<Record<string, string>>> {
  const before = await copy.manifests();
  succeeded(await copy.release());
  const after = [...(await copy.manifests()).values()];
  const changed = after.filter(({ name, version }) => before.get(name)?.version !== version);
  return Object.fromEntries(changed.map(({ name, version }) => [name, version]));
}

/** Fails with everything that a program said, unless it succeeded. */
export function succeeded({ code, stdout, stderr }: Outcome): void {
  expect(code, `${stdout}\n${stderr}`).toBe(0);
}
