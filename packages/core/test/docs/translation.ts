import { linksOf } from './links.ts';
import { blocksOf, withoutCode } from './pages.ts';

const HEADING = /^(#{1,6}) /gm;
const ROW = /^\|.*$/gm;

/** What a page has besides its words: what has to be the same in a translation of it. */
export interface Frame {
  /** The levels of its headings, in order. */
  readonly headings: readonly number[];
  /** Its code blocks, in order. */
  readonly blocks: readonly string[];
  /** Where its links lead to, sorted: another language has another order of words. */
  readonly links: readonly string[];
  /** The code within its text, sorted. */
  readonly code: readonly string[];
  /** How many columns each row of its tables has. */
  readonly rows: readonly number[];
}

/** The frame of a page, without the links to the pages that are its translations. */
export function frameOf(text: string, translations: readonly string[]): Frame {
  const prose = withoutCode(text);
  return {
    headings: [...prose.matchAll(HEADING)].map(([, marks = '']) => marks.length),
    blocks: blocksOf(text).map(({ language, note, code }) => `${language} ${note}\n${code}`),
    links: linksOf(text)
      .filter((link) => !translations.includes(link))
      .sort(),
    code: [...prose.matchAll(/`([^`\n]+)`/g)].map(([, code = '']) => code).sort(),
    rows: [...prose.matchAll(ROW)].map(([row]) => row.split(/(?<!\\)\|/).length - 2),
  };
}
