import { endOfString } from '../util/json-scan.ts';

/** Shorter integers are exact as numbers: 2^53 has 16 digits. */
const EXACT_DIGITS = 15;
const MAYBE_LONG = /[0-9]{16}/;

const QUOTE = 0x22;
const MINUS = 0x2d;
const DOT = 0x2e;

/**
 * JSON text in which integers that a number may not hold (16 digits and more) stand between quotes, so that `JSON.parse`
 * keeps every digit. Fractions, exponents and what is inside strings stay as they are. The text itself when there are none.
 */
export function quoteLongIntegers(text: string): string {
  if (!MAYBE_LONG.test(text)) return text;
  let out = '';
  let copied = 0;
  let at = 0;
  while (at < text.length) {
    const char = text.charCodeAt(at);
    if (char === QUOTE) {
      at = endOfString(text, at);
    } else if (char === MINUS || isDigit(char)) {
      const start = at++;
      while (isDigit(text.charCodeAt(at))) at++;
      const integerEnd = at;
      at = endOfNumber(text, at);
      const digits = integerEnd - start - (char === MINUS ? 1 : 0);
      if (at === integerEnd && digits > EXACT_DIGITS) {
        out += `${text.slice(copied, start)}"${text.slice(start, at)}"`;
        copied = at;
      }
    } else {
      at++;
    }
  }
  return out + text.slice(copied);
}

function endOfNumber(text: string, start: number): number {
  let at = start;
  while (at < text.length) {
    const char = text.charCodeAt(at);
    // What may follow the integer part of a number: . e E + - and digits.
    if (char !== DOT && char !== 0x65 && char !== 0x45 && char !== 0x2b && char !== MINUS && !isDigit(char)) break;
    at++;
  }
  return at;
}

function isDigit(char: number): boolean {
  return char >= 0x30 && char <= 0x39;
}
