const LONGEST_REASON = 200;

/**
 * The text of a caught thing as a part of an error's detail: it begins in lower case, has no line breaks, and is at most
 * 200 characters long, so that no foreign input gets into logs and headers by the megabyte.
 */
export function reasonOf(cause: unknown): string {
  const line = textOf(cause)
    .slice(0, LONGEST_REASON + 1)
    .replace(/\s+/g, ' ')
    .trim();
  const short = line.length > LONGEST_REASON ? `${line.slice(0, LONGEST_REASON)}…` : line;
  // `JSON` and other words in capitals stay as they are.
  return /^[A-Z][a-z]/.test(short) ? short.charAt(0).toLowerCase() + short.slice(1) : short;
}

function textOf(cause: unknown): string {
  try {
    return String(cause instanceof Error ? cause.message : cause);
  } catch {
    // Anything can be thrown, an object that refuses to become text as well.
    return 'an object without a text';
  }
}
