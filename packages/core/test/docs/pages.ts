import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from '../architecture/run-page.ts';

/** One page: its path in the repository with forward slashes, and its text. */
export interface Page {
  readonly path: string;
  readonly text: string;
}

/** The pages that people read: those at the top, all of `docs`, and the README of each package, plugin and example. */
export function pages(): readonly Page[] {
  const docs = readdirSync(join(ROOT, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name.replaceAll('\\', '/')}`);
  const readmes = ['packages', 'plugins', 'examples'].flatMap((folder) =>
    existsSync(join(ROOT, folder)) ? readdirSync(join(ROOT, folder)).map((name) => `${folder}/${name}/README.md`) : [],
  );
  return ['README.md', 'CONTRIBUTING.md', ...docs, ...readmes]
    .filter((path) => existsSync(join(ROOT, path)))
    .sort()
    .map((path) => ({ path, text: readFileSync(join(ROOT, path), 'utf8') }));
}

/** The text without its code blocks; line breaks stay where they are. */
export function withoutCode(text: string): string {
  return text.replace(/^(`{3,})[^\n]*\n[\s\S]*?^\1$/gm, (block) => block.replace(/[^\n]/g, ''));
}
