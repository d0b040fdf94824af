import { endOfString } from '../console/json-text.ts';

/** What may stand where. A comma of an object is followed by a name, one of a list by a value. */
type Expected = 'a value' | 'a value or ]' | 'a name' | 'a name or }' | ':' | ', or }' | ', or ]' | 'the end';

const SPACE = /[ \t\r\n]*/y;
const SCALAR = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?(?![\w.+-])|(?:true|false|null)(?!\w)/y;

/**
 * Where a text stops being JSON, from 0, and what should stand there; `undefined` for JSON. `JSON.parse` knows the position
 * of some faults and not of others.
 */
export function jsonFault(text: string): { readonly position: number; readonly expected: string } | undefined {
  const open: ('{' | '[')[] = [];
  let expected: Expected = 'a value';
  let at = 0;
  const take = (pattern: RegExp): boolean => {
    pattern.lastIndex = at;
    const found = pattern.test(text);
    if (found) at = pattern.lastIndex;
    return found;
  };
  const takeString = (): boolean => {
    if (text[at] !== '"') return false;
    const end = endOfString(text, at);
    const found = isJson(text.slice(at, end));
    if (found) at = end;
    return found;
  };
  const afterValue = (): Expected => {
    const within = open.at(-1);
    return within === undefined ? 'the end' : within === '{' ? ', or }' : ', or ]';
  };
  for (;;) {
    take(SPACE);
    if (at === text.length && expected === 'the end') return undefined;
    const char = text.charAt(at);
    if (expected.endsWith(char) && (char === '}' || char === ']')) {
      open.pop();
      at += 1;
      expected = afterValue();
    } else if (expected.startsWith('a value') && (char === '{' || char === '[')) {
      open.push(char);
      at += 1;
      expected = char === '{' ? 'a name or }' : 'a value or ]';
    } else if (expected.startsWith('a value') && (takeString() || take(SCALAR))) {
      expected = afterValue();
    } else if (expected.startsWith('a name') && takeString()) {
      expected = ':';
    } else if (expected === ':' && char === ':') {
      at += 1;
      expected = 'a value';
    } else if (expected.startsWith(',') && char === ',') {
      at += 1;
      expected = open.at(-1) === '{' ? 'a name' : 'a value';
    } else return { position: at, expected };
  }
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
