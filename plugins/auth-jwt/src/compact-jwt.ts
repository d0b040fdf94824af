import { CompactSign, compactVerify, errors } from 'jose';
import type { SignKey } from './key.ts';
import type { KeySet } from './key-set.ts';

/** What is written in front of the claims, as far as it counts here. Anything else in it, such as a key, is not looked at. */
export interface JwtHeader {
  readonly alg: string;
  readonly typ?: unknown;
  readonly kid?: string | undefined;
}

/** Claims whose signature is right. */
export type Claims = Readonly<Record<string, unknown>>;

const SHAPE = /^[\w-]+\.[\w-]+\.[\w-]+$/;
const TEXT = new TextDecoder('utf-8', { fatal: true });

/** Signs claims; the header says the algorithm, the type, and the name of the key where it has one, in this order. */
export function signJwt(claims: string, typ: string, { key, algorithm, kid }: SignKey): Promise<string> {
  return new CompactSign(Buffer.from(claims))
    .setProtectedHeader({ alg: algorithm, typ, ...(kid === undefined ? {} : { kid }) })
    .sign(key);
}

/** The header of a token; `undefined` when it is no signed JWT in its one right spelling. Nothing is verified. */
export function headerOf(token: string): JwtHeader | undefined {
  if (!SHAPE.test(token)) return undefined;
  const [encoded = '', , signature = ''] = token.split('.');
  // The last character of base64url has bits that nobody reads: without this a signature has several spellings.
  if (Buffer.from(signature, 'base64url').toString('base64url') !== signature) return undefined;
  const header = parseObject(Buffer.from(encoded, 'base64url'));
  if (header === undefined) return undefined;
  const { alg, typ, kid } = header;
  if (typeof alg !== 'string' || (kid !== undefined && typeof kid !== 'string')) return undefined;
  return { alg, typ, kid };
}

/**
 * The claims of a token that one of the keys has signed; `undefined` when none has. Which algorithm is used with a key is
 * the key's business: a token that wants another finds no key.
 */
export async function verifyJwt(token: string, { alg, kid }: JwtHeader, keys: KeySet): Promise<Claims | undefined> {
  for (const { key } of keys.candidates(alg, kid)) {
    try {
      const { payload } = await compactVerify(token, key, { algorithms: [alg] });
      return parseObject(payload);
    } catch (error) {
      if (error instanceof errors.JWSSignatureVerificationFailed) continue;
      // A header that demands what nobody here knows (`crit`), or that is odd in another way.
      if (error instanceof errors.JOSEError) return undefined;
      throw error;
    }
  }
  return undefined;
}

function parseObject(bytes: Uint8Array): Claims | undefined {
  try {
    const value: unknown = JSON.parse(TEXT.decode(bytes));
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
    return value as Claims;
  } catch {
    return undefined;
  }
}
