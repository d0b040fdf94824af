import { CODE, type Logger } from '@micro/core';
import { authError, steadyLogger } from '@micro/core/plugin';
import { followedFile } from './followed-file.ts';
import type { JwksOptions, JwtAuthOptions } from './jwt-auth-options.ts';
import { readPrivateKey, readPublicKey, type SignKey, type VerifyKey } from './key.ts';
import { type KeySet, keySet, readKeySet } from './key-set.ts';
import { fixedKeys, type KeySource } from './key-source.ts';
import { remoteKeys } from './remote-keys.ts';

const REFRESH_MS = 300_000;
const STALE_MS = 3_600_000;
const COOLDOWN_MS = 30_000;
const TIMEOUT_MS = 5_000;
const LOOPBACK = /^(?:localhost|127(?:\.\d+){3}|\[::1\])$/;

/** The keys of a provider. */
export interface Keys {
  /** What tokens are checked with. */
  readonly source: KeySource;
  /** What they are signed with; `undefined` for a provider that only checks. */
  readonly signer: (() => SignKey) | undefined;
}

/** Reads the keys that the options name. Throws 400 when they name none, too many, or some that do not belong together. */
export function chooseKeys(options: JwtAuthOptions): Keys {
  const { privateKey, privateKeyFile, publicKey, publicKeyFile, jwks } = options;
  atMostOne({ privateKey, privateKeyFile });
  atMostOne({ publicKey, publicKeyFile, jwks });
  // What it throws would be an error of whoever has a token checked at that moment.
  const told = { ...options, logger: steadyLogger(options.logger) };
  const signer = signerOf(told);
  const source = sourceOf(told) ?? (signer && ownKeys(signer));
  if (source === undefined) throw bad('a jwt auth needs a key: give privateKey, publicKey or jwks');
  if (signer !== undefined && jwks === undefined) checkPair(signer(), source);
  return { source, signer };
}

function signerOf({ privateKey, privateKeyFile, keyId, logger }: JwtAuthOptions): (() => SignKey) | undefined {
  if (keyId === '') throw bad('keyId is an empty text: leave it out, or say what the key is called');
  const named = (key: SignKey): SignKey => ({ ...key, kid: keyId ?? key.kid });
  if (privateKey !== undefined) {
    const key = named(readPrivateKey(privateKey, 'privateKey'));
    return () => key;
  }
  if (privateKeyFile === undefined) {
    if (keyId !== undefined) throw bad(`keyId ${JSON.stringify(keyId)} names a private key, but there is none`);
    return undefined;
  }
  const parse = (text: string): SignKey => named(readPrivateKey(text, `privateKeyFile ${privateKeyFile}`));
  return followedFile({ file: privateKeyFile, what: 'privateKeyFile', parse, staleMs: STALE_MS, logger }).read;
}

function sourceOf({ publicKey, publicKeyFile, jwks, logger }: JwtAuthOptions): KeySource | undefined {
  if (publicKey !== undefined) return fixedKeys(keySet([readPublicKey(publicKey, 'publicKey')]));
  if (publicKeyFile !== undefined) {
    const parse = (text: string): KeySet => keySet([readPublicKey(text, `publicKeyFile ${publicKeyFile}`)]);
    return followedFile({ file: publicKeyFile, what: 'publicKeyFile', parse, staleMs: STALE_MS, logger });
  }
  return jwks && jwksSource(jwks, logger);
}

function jwksSource(jwks: JwksOptions, logger: Logger | undefined): KeySource {
  const { keys, file, url, tls = {} } = jwks;
  atMostOne({ 'jwks.keys': keys, 'jwks.file': file, 'jwks.url': url });
  onlyForUrl(jwks);
  const refreshMs = checkedMs('jwks.refreshMs', jwks.refreshMs, REFRESH_MS);
  const staleMs = checkedMs('jwks.staleMs', jwks.staleMs, Math.max(STALE_MS, refreshMs));
  const cooldownMs = checkedMs('jwks.cooldownMs', jwks.cooldownMs, COOLDOWN_MS);
  const timeoutMs = checkedMs('jwks.timeoutMs', jwks.timeoutMs, TIMEOUT_MS);
  if (url !== undefined && staleMs > 0 && staleMs < refreshMs) {
    throw bad(
      `jwks.staleMs is ${staleMs}, less than the ${refreshMs} of jwks.refreshMs: keys would end before they are old`,
    );
  }
  const reported = (set: KeySet): KeySet => {
    for (const reason of set.skipped) logger?.log('warn', `${reason}; it is not used`);
    return set;
  };
  if (keys !== undefined) return fixedKeys(notEmpty(reported(readKeySet({ keys }, 'jwks.keys')), 'jwks.keys'));
  if (file !== undefined) {
    const parse = (text: string): KeySet => reported(readKeySet(text, `jwks.file ${file}`));
    const source = followedFile({ file, what: 'jwks.file', parse, staleMs, logger });
    notEmpty(source.read(), `jwks.file ${file}`);
    return source;
  }
  if (url === undefined) throw bad('jwks needs keys, a file or a url');
  return remoteKeys({
    url: checkedUrl(url, tls.insecure === true),
    tls,
    refreshMs,
    staleMs,
    cooldownMs,
    timeoutMs,
    logger,
  });
}

/** What is only read with a URL would be a promise that nobody keeps without one. */
function onlyForUrl({ keys, url, tls, refreshMs, staleMs, cooldownMs, timeoutMs }: JwksOptions): void {
  if (url !== undefined) return;
  const idle = { tls, refreshMs, cooldownMs, timeoutMs, ...(keys === undefined ? {} : { staleMs }) };
  const [name] = Object.entries(idle).find(([, value]) => value !== undefined) ?? [];
  if (name !== undefined) throw bad(`jwks.${name} is for keys from a url, and there is none: leave it out`);
}

/** At the start a set without a key is a mistake; later it is what is left when all were taken away. */
function notEmpty(set: KeySet, what: string): KeySet {
  if (set.size > 0) return set;
  throw bad([`${what} has no key that can be used`, ...set.skipped].join('; '));
}

/** The public keys of the private key, whatever that is now. */
function ownKeys(signer: () => SignKey): KeySource {
  let of: SignKey | undefined;
  let keys: KeySet = keySet([]);
  const read = (): KeySet => {
    const now = signer();
    if (now !== of) keys = keySet([verifyKey(now)]);
    of = now;
    return keys;
  };
  return { read, lookAgain: read };
}

function verifyKey({ algorithm, publicKey, kid }: SignKey): VerifyKey {
  return { kid, algorithms: [algorithm], key: publicKey };
}

/** A provider that cannot read its own tokens would be found out with the first call. */
function checkPair({ algorithm, publicKey, kid }: SignKey, source: KeySource): void {
  const keys = source.read();
  if (keys instanceof Promise) return;
  const isThere = keys.candidates(algorithm, kid).some(({ key }) => key.equals(publicKey));
  if (!isThere) throw bad('the private key and the public key do not belong together: give both of one pair');
}

function checkedUrl(given: string | URL, isInsecure: boolean): URL {
  const url = URL.canParse(String(given)) ? new URL(given) : undefined;
  if (url === undefined) throw bad('jwks.url is not a URL: give https://host/path');
  const shown = `${url.protocol}//${url.host}${url.pathname}`;
  if (url.username !== '' || url.password !== '')
    throw bad(`jwks.url ${shown} has a user or a password in it: leave it out`);
  if (url.protocol === 'https:') return url;
  if (url.protocol !== 'http:') throw bad(`jwks.url ${shown} is neither https: nor http:`);
  if (isInsecure || LOOPBACK.test(url.hostname)) return url;
  throw bad(`jwks.url ${shown} is not https:, so anybody on the way could put in a key; tls.insecure allows it`);
}

/** A number of milliseconds, or 0. Throws 400 for what is none. */
export function checkedMs(name: string, given: number | undefined, usual: number): number {
  const ms = given ?? usual;
  if (Number.isFinite(ms) && ms >= 0) return ms;
  throw bad(`${name} is ${String(ms)}: give 0 or more milliseconds`);
}

function atMostOne(given: Readonly<Record<string, unknown>>): void {
  const names = Object.keys(given).filter((name) => given[name] !== undefined);
  if (names.length > 1) throw bad(`${names.join(' and ')} say the same: give one of them`);
}

function bad(detail: string) {
  return authError(CODE.badRequest, detail);
}
