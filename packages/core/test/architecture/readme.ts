/**
 * A program in a page: a block that opens with ```ts runnable, or ```ts runnable with=redis when it needs a server, and
 * what it prints where a ```text block follows.
 */
export interface Program {
  /** The line in the page on which the code begins, counted from 1. */
  readonly line: number;
  readonly code: string;
  /** What it needs, as `page-servers.ts` calls it. */
  readonly server: string | undefined;
  /** The text that has to be on stdout; `undefined` when the page does not say. */
  readonly output: string | undefined;
}

/** A file in a page: a block that opens with ```ts file=name.ts. Programs and other files of the page can import it. */
export interface PageFile {
  readonly line: number;
  readonly name: string;
  readonly code: string;
}

/** A ```text block right after the code is its output; where the code stands in a table, after the table and `It prints`. */
const RUNNABLE =
  /^```ts runnable(?: with=([a-z]+))?\n([\s\S]*?)^```$(?:\n*(?:^<\/td><\/tr>\n<\/table>\n+It prints\n+)?^```text\n([\s\S]*?)^```$)?/gm;
const FILE = /^```ts file=([a-z0-9.-]+)\n([\s\S]*?)^```$/gm;

/** The runnable programs of a Markdown page, in order. */
export function programsOf(markdown: string): readonly Program[] {
  return [...markdown.matchAll(RUNNABLE)].map((match) => ({
    line: lineOf(markdown, match.index),
    code: match[2] ?? '',
    server: match[1],
    output: match[3],
  }));
}

/** The files of a Markdown page, in order. */
export function filesOf(markdown: string): readonly PageFile[] {
  return [...markdown.matchAll(FILE)].map((match) => ({
    line: lineOf(markdown, match.index),
    name: match[1] ?? '',
    code: match[2] ?? '',
  }));
}

/** The line after the one that opens a block. */
function lineOf(markdown: string, index: number): number {
  return markdown.slice(0, index).split('\n').length + 1;
}
