import { createPrivateKey, createPublicKey, type JsonWebKey, type KeyObject } from 'node:crypto';
import { CODE } from '@micro/core';
import { authError, reasonOf } from '@micro/core/plugin';

/** A key that tokens are checked with. */
export interface VerifyKey {
  /** What tokens call it; `undefined` for a key without a name, as all keys of go-micro are. */
  readonly kid: string | undefined;
  /** The only algorithms it may be used with, the usual one first. Never what a token says. */
  readonly algorithms: readonly [string, ...string[]];
  readonly key: KeyObject;
}

/** A key that tokens are signed with, and the public key that belongs to it. */
export interface SignKey {
  readonly kid: string | undefined;
  readonly algorithm: string;
  readonly key: KeyObject;
  readonly publicKey: KeyObject;
}

/** RFC 7518 section 3.3, and what Go's and everybody else's advice has been since. */
const LEAST_RSA_BITS = 2_048;
const LONGEST_KID = 256;
/** PEM labels of public keys. Go does not read the last one; a key in it is a key all the same. */
const PUBLIC_LABELS: ReadonlySet<string> = new Set(['PUBLIC KEY', 'CERTIFICATE', 'RSA PUBLIC KEY']);
const PRIVATE_LABELS: ReadonlySet<string> = new Set(['PRIVATE KEY', 'RSA PRIVATE KEY', 'EC PRIVATE KEY']);
const RSA_ALGORITHMS: ReadonlySet<string> = new Set(['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512']);
/** By OpenSSL's name of the curve. */
const EC_ALGORITHMS: ReadonlyMap<string, string> = new Map([
  ['prime256v1', 'ES256'],
  ['secp384r1', 'ES384'],
  ['secp521r1', 'ES512'],
]);
const PRIVATE_MEMBERS = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k'];

/**
 * Reads a public key: PEM (PKIX, PKCS#1 or an X.509 certificate, of which only the key counts), base64 of PEM as go-micro has
 * it, or a JWK. Throws 400, naming `what`, for anything else, for a private key and for one that is too weak.
 */
export function readPublicKey(text: string | Buffer, what: string): VerifyKey {
  const given = readText(text, what);
  if (given.jwk !== undefined) {
    const { kid, algorithms, key } = fromJwk(given.jwk, what);
    return { kid, algorithms, key };
  }
  if (given.labels.some((label) => PRIVATE_LABELS.has(label) || label === 'ENCRYPTED PRIVATE KEY')) {
    throw bad(what, 'holds a private key: give its public key');
  }
  checkLabels(given.labels, PUBLIC_LABELS, what);
  const key = parsed(what, () => createPublicKey(given.pem));
  return { kid: undefined, algorithms: algorithmsOf(key, undefined, what), key };
}

/**
 * Reads a private key: PEM (PKCS#8, PKCS#1 or SEC1), base64 of PEM as go-micro has it, or a JWK. Throws 400, naming `what`,
 * for anything else and for one that is too weak. No error shows the key.
 */
export function readPrivateKey(text: string | Buffer, what: string): SignKey {
  const given = readText(text, what);
  if (given.jwk !== undefined) {
    const { jwk } = given;
    if (jwk.d === undefined) throw bad(what, 'holds a public key: give the private key');
    const { kid, algorithm } = describeJwk(jwk, what);
    const key = parsed(what, () => createPrivateKey({ key: jwk, format: 'jwk' }));
    return signKey(key, kid, algorithm, what);
  }
  if (given.labels.includes('ENCRYPTED PRIVATE KEY') || given.pem.includes('Proc-Type: 4,ENCRYPTED')) {
    throw bad(what, 'is encrypted: decrypt it first');
  }
  if (given.labels.some((label) => PUBLIC_LABELS.has(label)) && !given.labels.some((one) => PRIVATE_LABELS.has(one))) {
    throw bad(what, 'holds a public key: give the private key');
  }
  checkLabels(given.labels, PRIVATE_LABELS, what);
  return signKey(
    parsed(what, () => createPrivateKey(given.pem)),
    undefined,
    undefined,
    what,
  );
}

/** Reads a public JWK. Throws 400, naming `what`, for a private or symmetric one, and for one that is too weak. */
export function fromJwk(jwk: JsonWebKey, what: string): VerifyKey {
  const secret = PRIVATE_MEMBERS.find((member) => jwk[member] !== undefined);
  if (secret !== undefined) throw bad(what, `has the member ${secret}, which is secret: give the public key`);
  const { kid, algorithm } = describeJwk(jwk, what);
  const key = parsed(what, () => createPublicKey({ key: jwk, format: 'jwk' }));
  return { kid, algorithms: algorithmsOf(key, algorithm, what), key };
}

function signKey(key: KeyObject, kid: string | undefined, algorithm: string | undefined, what: string): SignKey {
  const publicKey = createPublicKey(key);
  return { kid, algorithm: algorithmsOf(publicKey, algorithm, what)[0], key, publicKey };
}

function describeJwk(jwk: JsonWebKey, what: string): { kid: string | undefined; algorithm: string | undefined } {
  const { kid, alg } = jwk;
  if (kid !== undefined && (typeof kid !== 'string' || kid === '' || kid.length > LONGEST_KID)) {
    throw bad(what, `has a kid that is not a text of 1 to ${LONGEST_KID} characters`);
  }
  if (alg !== undefined && typeof alg !== 'string') throw bad(what, 'has an alg that is not a text');
  return { kid, algorithm: alg };
}

interface Given {
  readonly jwk?: JsonWebKey;
  readonly pem: string;
  readonly labels: readonly string[];
}

function readText(text: string | Buffer, what: string): Given {
  const trimmed = text.toString().trim();
  if (trimmed.startsWith('{')) {
    const jwk: unknown = parsed(what, () => JSON.parse(trimmed));
    return { jwk: jwk as JsonWebKey, pem: '', labels: [] };
  }
  const pem = trimmed.includes('-----BEGIN ') ? trimmed : Buffer.from(trimmed, 'base64').toString();
  const labels = [...pem.matchAll(/-----BEGIN ([A-Z0-9 ]+)-----/g)].map(([, label = '']) => label);
  if (labels.length === 0) throw bad(what, 'is neither PEM, nor base64 of PEM, nor a JWK');
  return { pem, labels };
}

function checkLabels(labels: readonly string[], wanted: ReadonlySet<string>, what: string): void {
  if (labels.some((label) => wanted.has(label))) return;
  throw bad(what, `is PEM of ${JSON.stringify(labels[0]?.slice(0, 80))}, not of ${[...wanted].join(', ')}`);
}

/** Which algorithms a key may be used with: its type says so, and `alg` of a JWK where it fits that type. */
function algorithmsOf(key: KeyObject, wanted: string | undefined, what: string): readonly [string, ...string[]] {
  const { asymmetricKeyType: type, asymmetricKeyDetails: details = {} } = key;
  const fit = (usual: string, others: ReadonlySet<string>): readonly [string] => {
    if (wanted === undefined || wanted === usual) return [usual];
    if (others.has(wanted)) return [wanted];
    throw bad(what, `cannot be used with ${JSON.stringify(wanted.slice(0, 80))}`);
  };
  if (type === 'rsa') {
    const { modulusLength = 0, publicExponent = 0n } = details;
    if (modulusLength < LEAST_RSA_BITS) {
      throw bad(what, `is an RSA key of ${modulusLength} bits: it needs ${LEAST_RSA_BITS} or more`);
    }
    if (publicExponent < 3n || publicExponent % 2n === 0n) {
      throw bad(what, `is an RSA key with the exponent ${publicExponent}: make a new one`);
    }
    return fit('RS256', RSA_ALGORITHMS);
  }
  const curve = type === 'ec' ? EC_ALGORITHMS.get(details.namedCurve ?? '') : undefined;
  if (curve !== undefined) return fit(curve, new Set());
  // RFC 9864 gave `EdDSA` with this curve a name of its own; both mean the same.
  if (type === 'ed25519') return [...fit('EdDSA', new Set(['Ed25519'])), wanted === 'Ed25519' ? 'EdDSA' : 'Ed25519'];
  throw bad(what, `is a key of the type ${type ?? 'unknown'}: it takes RSA, EC (P-256, P-384, P-521) or Ed25519`);
}

function parsed<T>(what: string, parse: () => T): T {
  try {
    return parse();
  } catch (cause) {
    // The parser's text may show a part of what it read, so it is not a part of ours unless it is OpenSSL's.
    const reason = cause instanceof SyntaxError ? 'it is not JSON' : reasonOf(cause);
    throw bad(what, `cannot be read: ${reason}`);
  }
}

function bad(what: string, detail: string) {
  return authError(CODE.badRequest, `${what} ${detail}`);
}
