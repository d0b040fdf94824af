import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
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

/** Parts of a program or of its tests, what tools write for each release, and what is for tools alone. */
const NO_PAGE = /(?:^|\/)(?:\.[^/]+|src|test|templates|CHANGELOG\.md)(?:\/|$)/;
const BLOCK = /^(`{3,})([^\s`]*)[ \t]*([^\n]*)\n([\s\S]*?)^\1$/gm;

/** Every Markdown page of the repository that people read, by its path: what git has, or would take. */
export function pages(): readonly Page[] {
  const listed = execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard', '*.md'], {
    cwd: ROOT,
    encoding: 'utf8',
  });
  const paths = listed.split('\0').filter((path) => path !== '' && !NO_PAGE.test(path) && existsSync(join(ROOT, path)));
  return [...new Set(paths)].sort().map((path) => ({ path, text: readFileSync(join(ROOT, path), 'utf8') }));
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
