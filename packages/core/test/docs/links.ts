import { existsSync, readFileSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type Page, withoutCode } from './pages.ts';

const LINK = /\]\(<?([^)\s>]+)>?(?:\s+"[^"]*")?\)|^\[[^\]]+\]:\s*(\S+)|\b(?:href|src)="([^"]+)"/gm;
const HEADING = /^#{1,6}\s+(.*?)\s*#*$/gm;

/** The targets of the links of a text, apart from what stands in code. */
export function linksOf(text: string): readonly string[] {
  const prose = withoutCode(text).replace(/`[^`\n]*`/g, '');
  return [...prose.matchAll(LINK)].map((match) => match[1] ?? match[2] ?? match[3] ?? '');
}

/** The anchors of a text, as GitHub makes them from its headings: lower case, no punctuation, `-` for a blank. */
export function anchorsOf(text: string): ReadonlySet<string> {
  const anchors = new Set<string>();
  for (const [, heading = ''] of withoutCode(text).matchAll(HEADING)) {
    const slug = heading
      .replace(/\[([^\]]*)\]\([^)]*\)/g, '$1')
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, '')
      .replace(/\s/g, '-');
    let anchor = slug;
    for (let again = 1; anchors.has(anchor); again++) anchor = `${slug}-${again}`;
    anchors.add(anchor);
  }
  return anchors;
}

/** What is wrong with the links of a page to files and headings of the repository at `root`, one sentence each. */
export function brokenLinks(page: Page, root: string): readonly string[] {
  return linksOf(page.text).flatMap((link) => {
    if (/^[a-z][a-z0-9+.-]*:/i.test(link)) return [];
    const [path = '', anchor] = decodeURI(link).split('#');
    const target = path === '' ? join(root, page.path) : join(root, dirname(page.path), path);
    if (path !== '' && !existsSync(target)) return [`${page.path} links to ${link}: there is no such file`];
    if (anchor === undefined || anchor === '') return [];
    if (path !== '' && (statSync(target).isDirectory() || !target.endsWith('.md'))) {
      return [`${page.path} links to ${link}: only a Markdown page has headings`];
    }
    const text = path === '' ? page.text : readFileSync(target, 'utf8');
    return anchorsOf(text).has(anchor) ? [] : [`${page.path} links to ${link}: there is no such heading`];
  });
}
