import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from '../architecture/run-page.ts';

/** One page: its path in the repository with forward slashes, and its text. */
export interface Page {
  readonly path: string;
  readonly text: string;
}

/** A code block of a page. */
export interface Block {
  /** The line on which its code begins, counted from 1. */
  readonly line: number;
  /** The first word behind the backticks. */
  readonly language: string;
  /** What stands behind the language. */
  readonly note: string;
  readonly code: string;
}

/** What is made, what is somebody else's, and what is no page but a part of a program or of its tests. */
const NO_PAGES = new Set(['node_modules', 'dist', 'src', 'test', 'templates', 'CHANGELOG.md']);
const BLOCK = /^(`{3,})([^\s`]*)[ \t]*([^\n]*)\n([\s\S]*?)^\1$/gm;

/** Every Markdown page of the repository that people read, by its path. */
export function pages(): readonly Page[] {
  return [...pathsIn('')].sort().map((path) => ({ path, text: readFileSync(join(ROOT, path), 'utf8') }));
}

function pathsIn(folder: string): readonly string[] {
  return readdirSync(join(ROOT, folder), { withFileTypes: true }).flatMap((entry) => {
    if (entry.name.startsWith('.') || NO_PAGES.has(entry.name)) return [];
    const path = folder === '' ? entry.name : `${folder}/${entry.name}`;
    if (entry.isDirectory()) return pathsIn(path);
    return entry.isFile() && path.endsWith('.md') ? [path] : [];
  });
}

/** The code blocks of a text, in order. */
export function blocksOf(text: string): readonly Block[] {
  return [...text.matchAll(BLOCK)].map(({ index, 2: language = '', 3: note = '', 4: code = '' }) => ({
    line: text.slice(0, index).split('\n').length + 1,
    language,
    note: note.trim(),
    code,
  }));
}

/** The text without its code blocks; line breaks stay where they are. */
export function withoutCode(text: string): string {
  return text.replace(BLOCK, (block) => block.replace(/[^\n]/g, ''));
}
