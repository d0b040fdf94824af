import { PLUGIN_KINDS, type TemplateKind } from '../project.ts';

/** The kind that the name of a plugin begins with: `registry` of `@acme/registry-consul`. */
export function pluginKindOf(name: string): TemplateKind | undefined {
  const base = name.split('/').at(-1) ?? '';
  return PLUGIN_KINDS.find((kind) => base.startsWith(`${kind}-`));
}
