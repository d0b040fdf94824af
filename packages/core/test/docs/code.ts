import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import { type Block, blocksOf, type Page } from './pages.ts';

/*
 * What stands behind the language of a block says how it is held to be true:
 *
 *   ```ts runnable              it compiles, runs and prints the text block behind it
 *   ```ts runnable with=redis   the same, with that server to talk to
 *   ```ts file=name.ts          it compiles together with the files and programs of its page
 *   ```ts from=path             it is a part of that file, word for word; for any language
 *   ```ts excerpt: why          it is not checked, and this is why
 *   ```ts                       it compiles by itself; so does one with any other note
 */
const WITH_ITS_PAGE = /^(?:runnable(?: with=[a-z]+)?|file=[a-z0-9.-]+)$/;
const FROM = /^from=(\S+)$/;
const EXCERPT = /^excerpt: \S/;

/** A block that has to compile, and its page. */
export interface Snippet extends Block {
  readonly path: string;
}

/** The blocks of a page that have to compile by themselves. */
export function snippetsOf({ path, text }: Page): readonly Snippet[] {
  return blocksOf(text)
    .filter(({ language, note }) => language === 'ts' && !WITH_ITS_PAGE.test(note) && !isExplained(note))
    .map((block) => ({ ...block, path }));
}

/** What is wrong with the blocks of a page that need no compiler, one sentence each. */
export function brokenBlocks({ path, text }: Page, root: string): readonly string[] {
  return blocksOf(text).flatMap(({ line, language, note, code }) => {
    const where = `${path}:${line}`;
    if (language === '') return [`${where} does not say its language`];
    if (/^excerpt/.test(note) && !EXCERPT.test(note)) return [`${where} does not say why it is an excerpt`];
    const [, file] = FROM.exec(note) ?? [];
    if (file !== undefined) return isPartOf(code, join(root, file)) ? [] : [`${where} is not a part of ${file}`];
    if (isExplained(note)) return [];
    const reason = faultOf(language, code);
    return reason === undefined ? [] : [`${where} is no ${language}: ${reason}`];
  });
}

function isExplained(note: string): boolean {
  return EXCERPT.test(note) || FROM.test(note);
}

function isPartOf(code: string, file: string): boolean {
  try {
    return readFileSync(file, 'utf8').includes(code);
  } catch {
    return false;
  }
}

function faultOf(language: string, code: string): string | undefined {
  try {
    if (language === 'json') JSON.parse(code);
    if (language === 'yaml') for (const { errors } of parseAllDocuments(code)) if (errors[0]) throw errors[0];
  } catch (error) {
    return String(error);
  }
  return undefined;
}
