import type { FlagValue } from '../contract/cmd.ts';
import { CODE } from '../error/code.ts';
import { MicroError } from '../error/micro-error.ts';
import { parseLogLevel } from '../logger/log-level.ts';
import { parseGoDuration } from '../util/go-duration.ts';
import { LONGEST_TIMER_MS } from '../util/timer.ts';
import type { AppFlag, MicroFlag } from './micro-flags.ts';

/** Where a value was written: `--registry`, or `MICRO_REGISTRY` for one from the environment. */
export type Origin = string;

/** No flag needs more; keys in PEM take about 5 kB. */
const LONGEST_TEXT = 32_768;
const SHOWN = 80;

// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
const CONTROL = /[\0-\x08\x0a-\x1f\x7f]/;
const COUNT = /^\d{1,15}$/;
const YES: ReadonlySet<string> = new Set(['1', 't', 'T', 'true', 'TRUE', 'True']);
const NO: ReadonlySet<string> = new Set(['0', 'f', 'F', 'false', 'FALSE', 'False']);

/**
 * Reads the texts of a flag, in the order in which they were given; of several the last one counts, unless it is a list.
 * `undefined` when nothing was said, which an empty text is. Throws a 400 that names the flag and the value.
 */
export function readFlag(flag: MicroFlag | AppFlag, texts: readonly string[], origin: Origin): FlagValue | undefined {
  for (const text of texts) {
    if (text.length > LONGEST_TEXT) throw bad(flag, origin, text, `text of at most ${LONGEST_TEXT} characters`);
    if (CONTROL.test(text)) throw bad(flag, origin, text, 'text without line breaks and control characters');
  }
  if (flag.kind === 'list' || flag.kind === 'pairs') return readList(flag, texts, origin);
  const text = texts.at(-1) ?? '';
  return text === '' ? undefined : readOne(flag, text, origin);
}

function readOne(flag: MicroFlag | AppFlag, text: string, origin: Origin): FlagValue {
  switch (flag.kind) {
    case 'count':
      if (!COUNT.test(text)) throw bad(flag, origin, text, 'a whole number, 0 or more');
      return Number(text);
    case 'seconds':
      if (!COUNT.test(text)) throw bad(flag, origin, text, 'a whole number of seconds, 0 or more');
      if (Number(text) * 1_000 > LONGEST_TIMER_MS) throw bad(flag, origin, text, 'at most 2147483 seconds');
      return Number(text);
    case 'duration': {
      const ms = parseGoDuration(text);
      if (ms === undefined || ms < 0) throw bad(flag, origin, text, 'a duration such as 500ms, 5s or 1m30s');
      if (ms > LONGEST_TIMER_MS) throw bad(flag, origin, text, 'at most 596h');
      return text;
    }
    case 'level':
      try {
        return parseLogLevel(text);
      } catch {
        throw bad(flag, origin, text, 'one of trace, debug, info, warn, error, fatal');
      }
    case 'number': {
      const number = Number(text);
      if (text.trim() === '' || !Number.isFinite(number)) throw bad(flag, origin, text, 'a number');
      return number;
    }
    case 'boolean':
      if (YES.has(text)) return true;
      if (NO.has(text)) return false;
      throw bad(flag, origin, text, 'true or false');
    default:
      return text;
  }
}

function readList(flag: MicroFlag | AppFlag, texts: readonly string[], origin: Origin): readonly string[] | undefined {
  const items = texts
    .flatMap((text) => text.split(','))
    .map((item) => item.trim())
    .filter((item) => item !== '');
  if (flag.kind === 'pairs') {
    for (const item of items) if (item.startsWith('=')) throw bad(flag, origin, item, 'key=value with a key');
  }
  return items.length === 0 ? undefined : Object.freeze(items);
}

/** The milliseconds of a duration that was read as one. */
export function durationMs(value: FlagValue | undefined): number | undefined {
  return typeof value === 'string' ? parseGoDuration(value) : undefined;
}

/** The pairs of a list that was read as one: cut at the first `=`, and a key alone has an empty value, as in go-micro. */
export function pairs(value: FlagValue | undefined): Readonly<Record<string, string>> | undefined {
  if (!Array.isArray(value)) return undefined;
  const found: Record<string, string> = Object.create(null);
  for (const item of value as readonly string[]) {
    const at = item.indexOf('=');
    if (at === -1) found[item] = '';
    else found[item.slice(0, at)] = item.slice(at + 1);
  }
  return found;
}

function bad(flag: MicroFlag | AppFlag, origin: Origin, text: string, wanted: string): MicroError {
  const shown = flag.secret ? 'has a value that' : `has the value ${JSON.stringify(text.slice(0, SHOWN))}, which`;
  return new MicroError({ id: 'go.micro.cmd', code: CODE.badRequest, detail: `${origin} ${shown} is not ${wanted}` });
}
