import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { serviceOf } from './service-of.ts';

test.each(['8e12', '1234', 'yes', 'null'])('%s is a text in manifests, whichever YAML reads them', async (word) => {
  for (const features of [
    ['kubernetes', 'skaffold', 'postgres'],
    ['kustomize', 'postgres'],
  ] as const) {
    const name = /^\d/.test(word) ? 'helloworld' : word;
    const tree = await serviceOf({ name, namespace: word, features });
    const manifests = [...tree].filter(([path]) => /^(deploy|skaffold).*\.yaml$/.test(path));
    expect(manifests.length).toBeGreaterThan(4);
    for (const [path, text] of manifests) {
      const read = parse(text, { version: '1.1' }) as Record<string, unknown>;
      expect([path, ...namesIn(read).filter((value) => typeof value !== 'string')]).toEqual([path]);
    }
  }
});

/** The values of all keys of plain data that only a text is right for. */
function namesIn(data: unknown, key = ''): readonly unknown[] {
  if (/^(name|namespace|resourceName|app\.kubernetes\.io\/name|PG\w+)$/.test(key)) return [data];
  if (typeof data !== 'object' || data === null) return [];
  return Object.entries(data).flatMap(([name, value]) => namesIn(value, name));
}
