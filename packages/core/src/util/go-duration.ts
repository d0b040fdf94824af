/** Milliseconds in each unit that Go knows. Both signs that are in use for micro are taken. */
const UNIT_MS: ReadonlyMap<string, number> = new Map([
  ['ns', 1e-6],
  ['us', 1e-3],
  ['µs', 1e-3],
  ['μs', 1e-3],
  ['ms', 1],
  ['s', 1_000],
  ['m', 60_000],
  ['h', 3_600_000],
]);

/** Go counts nanoseconds in 64 bits, which is about 292 years. */
const LONGEST_MS = 2 ** 63 / 1e6;

/** A longer text is no duration that anybody wrote; it is not looked at. */
const LONGEST_TEXT = 128;

const WHOLE = /^[+-]?(?:(?:\d+\.?\d*|\.\d+)(?:ns|us|µs|μs|ms|s|m|h))+$/;
const PART = /(\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h)/g;

/**
 * The milliseconds of a duration as Go's `time.ParseDuration` reads it: `300ms`, `1.5h`, `2h45m`, `-1m30s`, `0`. The units
 * are ns, us (µs), ms, s, m and h; a number without one is no duration. `undefined` when the text is none, or longer than
 * Go can count (about 292 years).
 */
export function parseGoDuration(text: string): number | undefined {
  if (/^[+-]?0$/.test(text)) return 0;
  if (text.length > LONGEST_TEXT || !WHOLE.test(text)) return undefined;
  let total = 0;
  for (const [, amount, unit] of text.matchAll(PART)) total += Number(amount) * (UNIT_MS.get(unit ?? '') ?? 0);
  if (total > LONGEST_MS) return undefined;
  return text.startsWith('-') ? -total : total;
}
