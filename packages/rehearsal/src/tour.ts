/** One thing that is typed on the tour, and what is shown then. */
export interface Step {
  /** The terminal it is typed in. `dev` is the one in which services run while other commands are typed elsewhere. */
  readonly terminal: 'main' | 'dev';
  /** What is typed; `^C` is Ctrl-C, and `undefined` only looks at what comes next. */
  readonly command: string | undefined;
  /** The lines that are shown after it. */
  readonly shown: string;
}

const BLOCK = /^```console(?: (dev))?\n([\s\S]*?)^```$/gm;

/** The steps of a page: its `console` blocks, in which a line that begins with `$ ` is typed and others are shown. */
export function stepsOf(page: string): readonly Step[] {
  return [...page.matchAll(BLOCK)].flatMap(([, terminal, block = '']) => stepsOfBlock(terminal, block));
}

/** The page with what was really shown. */
export function withShown(page: string, shown: readonly string[]): string {
  let at = 0;
  return page.replaceAll(BLOCK, (_, terminal: string | undefined, block: string) => {
    const steps = stepsOfBlock(terminal, block).map(({ command }) => {
      const lines = shown[at++] ?? '';
      const typed = command === undefined ? '' : command === '^C' ? '^C\n' : `$ ${command}\n`;
      return `${typed}${lines === '' ? '' : `${lines}\n`}`;
    });
    return `\`\`\`console${terminal === undefined ? '' : ` ${terminal}`}\n${steps.join('')}\`\`\``;
  });
}

function stepsOfBlock(terminal: string | undefined, block: string): readonly Step[] {
  const steps: { terminal: Step['terminal']; command: string | undefined; shown: string }[] = [];
  for (const line of block.split('\n').slice(0, -1)) {
    const typed = line === '^C' ? '^C' : line.startsWith('$ ') ? line.slice(2) : undefined;
    const last = steps.at(-1);
    if (typed !== undefined || last === undefined) {
      steps.push({
        terminal: terminal === 'dev' ? 'dev' : 'main',
        command: typed,
        shown: typed === undefined ? line : '',
      });
    } else {
      last.shown = last.shown === '' ? line : `${last.shown}\n${line}`;
    }
  }
  // A block in which nothing is typed looks at what has come since.
  return steps.length === 0
    ? [{ terminal: terminal === 'dev' ? 'dev' : 'main', command: undefined, shown: '' }]
    : steps;
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: escapes are what a terminal understands
const ESCAPE = /(\u001b\[[0-9;?]*[A-Za-z]|\u001b[()][A-Z0-9]|\u001b[=>]|\r)/;

/** What is left on the screen of a terminal: lines that were wiped or written over are gone, and so are colours. */
export function screenOf(output: string): string {
  return output.replaceAll('\r\n', '\n').split('\n').map(lineOf).join('\n').trim();
}

function lineOf(line: string): string {
  let shown = '';
  let column = 0;
  for (const piece of line.split(ESCAPE)) {
    if (piece === '\r' || piece === '\u001b[1G' || piece === '\u001b[G') column = 0;
    else if (piece === '\u001b[K' || piece === '\u001b[0K') shown = shown.slice(0, column);
    else if (piece === '\u001b[2K') shown = '';
    else if (!piece.startsWith('\u001b')) {
      shown = `${shown.slice(0, column).padEnd(column)}${piece}${shown.slice(column + piece.length)}`;
      column += piece.length;
    }
  }
  return shown.trimEnd();
}

/** What differs from run to run and is nobody's business: addresses, times, ids, versions, places in somebody's code. */
const VARIES: readonly (readonly [pattern: RegExp, name: string])[] = [
  // Who reads TypeScript says it in its own words: Node from 22.18 on, tsx before.
  [
    /^(\[\w+\]) (?:Error \[TransformError\]|file:).*?\b(?:ERROR: Unexpected|ERR_INVALID_TYPESCRIPT_SYNTAX)\b.*?^\1 Node\.js v\S+$/gms,
    '<syntax error>',
  ],
  [/\b\d\d:\d\d:\d\d\.\d+\b/g, '<clock>'],
  [/\.[cm]?[jt]s:\d+:\d+\b/g, '.js:<place>'],
  [/\((?:node:)[^)]+\)/g, '(node:<place>)'],
  [/\b\d+\.\d+\.\d+\.\d+:\d+\b/g, '<address>'],
  [/\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b/g, '<id>'],
  [/\b\d+(?:\.\d+)? ?(?:ms|s)\b/g, '<time>'],
  [/\bduration_ms \d+(?:\.\d+)?/g, 'duration_ms <time>'],
  [/\b\d+\.\d+\.\d+\b/g, '<version>'],
];

/** Where an error was thrown, which is as deep as the release of Node or of a library makes it. */
const STACK = /^\[\w+\](?: {5}.*| node:internal.*)?\n/gm;

/** A text in which what varies has names, so that two runs can be compared. */
export function comparable(text: string): string {
  return VARIES.reduce((before, [pattern, name]) => before.replaceAll(pattern, name), text.replaceAll(STACK, ''));
}
