/** What stands before a token in `Authorization` (RFC 6750), with go-micro's spelling. */
const SCHEME = 'Bearer ';

/** RFC 6750's `b64token`: JWTs and whatever else is a token fit, and nothing that could end a header line. */
const TOKEN = /^[A-Za-z0-9._~+/-]+=*$/;

/** Whether a text can be sent as a token. */
export function isToken(text: unknown): text is string {
  return typeof text === 'string' && TOKEN.test(text);
}

/** The value of `Authorization` that carries a token. */
export function bearer(token: string): string {
  return SCHEME + token;
}

/**
 * The token in a value of `Authorization`; `undefined` when it carries none, is longer than `maxLength` (0: no limit), or is
 * no token. The scheme may be written in any case (RFC 9110 section 11.1).
 */
export function readBearer(value: string, maxLength: number): string | undefined {
  if (maxLength > 0 && value.length > SCHEME.length + maxLength) return undefined;
  if (value.slice(0, SCHEME.length).toLowerCase() !== SCHEME.toLowerCase()) return undefined;
  const token = value.slice(SCHEME.length).trim();
  return isToken(token) ? token : undefined;
}
