import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { filesBelow } from '../project/files-below.ts';

const TEMPLATES = fileURLToPath(new URL('../../templates', import.meta.url));

/** Nothing with blanks inside, so that expressions of other programs, such as `${{ matrix.node }}`, stay what they are. */
const PLACEHOLDER = /\{\{(\w+)\}\}/g;

/**
 * The files of a folder below `templates`, by their paths in it. `{{name}}` in texts and paths stands for a value. A `_`
 * that begins a name is a `.`, since npm publishes no `.gitignore`. Throws for a placeholder without a value and for a value
 * without a placeholder: mistakes of ours.
 */
export function templateFiles(folder: string, values: Readonly<Record<string, string>> = {}): Record<string, string> {
  const unused = new Set(Object.keys(values));
  const fill = (text: string): string =>
    text.replace(PLACEHOLDER, (placeholder, name: string) => {
      const value = Object.hasOwn(values, name) ? values[name] : undefined;
      if (value === undefined) throw new Error(`templates/${folder} has ${placeholder}, which nobody gives it`);
      unused.delete(name);
      return value;
    });

  const files: Record<string, string> = {};
  const root = join(TEMPLATES, folder);
  for (const path of filesBelow(root)) {
    const shown = path.replaceAll(/(^|\/)_/g, '$1.');
    files[fill(shown)] = fill(readFileSync(join(root, path), 'utf8'));
  }
  if (unused.size > 0) throw new Error(`templates/${folder} is given ${[...unused].join(', ')} for nothing`);
  return files;
}
