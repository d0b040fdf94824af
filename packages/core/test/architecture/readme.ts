/** A program in a page: a block that opens with ```ts runnable, and what it prints where a ```text block follows. */
export interface Program {
  /** The line in the page on which the code begins, counted from 1. */
  readonly line: number;
  readonly code: string;
  /** The text that has to be on stdout; `undefined` when the page does not say. */
  readonly output: string | undefined;
}

/** A ```text block right after the code is its output. */
const RUNNABLE = /^```ts runnable\n([\s\S]*?)^```$(?:\n*^```text\n([\s\S]*?)^```$)?/gm;

/** The runnable programs of a Markdown page, in order. */
export function programsOf(markdown: string): readonly Program[] {
  return [...markdown.matchAll(RUNNABLE)].map((match) => ({
    line: markdown.slice(0, match.index).split('\n').length + 1,
    code: match[1] ?? '',
    output: match[2],
  }));
}
