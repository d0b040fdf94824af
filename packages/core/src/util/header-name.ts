/** RFC 9110's token: what a header name may be made of. */
const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;

const canonicalNames = new Map<string, string>();
const MOST_REMEMBERED = 1_000;

/** Whether a name can be a header name. */
export function isHeaderName(name: string): boolean {
  return TOKEN.test(name);
}

/**
 * A header name as Go writes it: the first letter and each letter after `-` in upper case, the others in lower case
 * (`micro-id` becomes `Micro-Id`, `x_y` becomes `X_y`). A name that is no token stays as it is.
 */
export function canonicalHeaderName(name: string): string {
  const known = canonicalNames.get(name);
  if (known !== undefined) return known;
  const canonical = TOKEN.test(name)
    ? name.toLowerCase().replace(/(^|-)[a-z]/g, (letter) => letter.toUpperCase())
    : name;
  if (canonicalNames.size < MOST_REMEMBERED && name.length <= 64) canonicalNames.set(name, canonical);
  return canonical;
}
