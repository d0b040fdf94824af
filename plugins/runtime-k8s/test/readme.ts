import { readFileSync } from 'node:fs';
import { loadYaml } from '@kubernetes/client-node';

/** The text of the README. */
export function readme(): string {
  return readFileSync(new URL('../README.md', import.meta.url), 'utf8');
}

/** The role that the README says is enough. */
export function role(): { readonly rules: readonly unknown[] } {
  const [, text = ''] = /^```yaml\n(apiVersion: rbac[\s\S]*?)^(?:---|```)$/m.exec(readme()) ?? [];
  return loadYaml(text);
}
