import { type Account, type Auth, CODE, type GenerateOptions, type Token, type TokenOptions } from '@micro/core';
import { authError, checkAccountId } from '@micro/core/plugin';
import { checkedMs, chooseKeys } from './choose-keys.ts';
import { type ClaimRules, fitsPurpose, type Purpose, readClaims, typeOf, writeClaims } from './claims.ts';
import { type Claims, headerOf, type JwtHeader, signJwt, verifyJwt } from './compact-jwt.ts';
import type { JwtAuthOptions } from './jwt-auth-options.ts';
import type { KeySet } from './key-set.ts';
import type { KeySource } from './key-source.ts';
import { tokenCache } from './token-cache.ts';

const NAMESPACE = 'go.micro';
/** go-micro's, all three. */
const TTL_MS = 60_000;
const REFRESH_MS = 3_600_000;
const SECRET_TTL_MS = 900_000;
const TOLERANCE_MS = 1_000;
const LONGEST_TOKEN = 8_192;
const MOST_CACHED = 10_000;
/** JWTs count in whole seconds. */
const SHORTEST_TTL_MS = 1_000;
/** A hundred years: what is meant as no end at all, or as seconds of the epoch, is found out. */
const LONGEST_TTL_MS = 100 * 365 * 86_400_000;

/** What a refused token is called, and what to do about it. */
const WORDS: Readonly<Record<Purpose, readonly [name: string, advice: string]>> = {
  access: ['the token', 'get a new one'],
  refresh: ['the refresh token', 'ask for a token with id and secret'],
  secret: ['the secret', 'generate the account anew'],
};

/**
 * Accounts and tokens as JSON Web Tokens, interchangeable with those of go-micro's jwt plugin. Nothing is kept: whoever has
 * the private key issues, whoever has the public key checks. The secret of an account is a token too, valid for 15 minutes,
 * so nobody can choose one; an account is in its tokens, and what it was when they were made.
 *
 * `generate` and `token` throw 501 without a private key, 400 for what cannot be an account or a ttl, and 413 for an account
 * whose token would be longer than `maxTokenLength`. `token` throws 401 for a secret or a refresh token that is not valid, and
 * `inspect` for a token that is not. All throw 503 when the keys cannot be had. The factory throws 400 for options and keys
 * that make no sense.
 */
export function jwtAuth(options: JwtAuthOptions = {}): Auth {
  const { namespace = NAMESPACE, maxTokenLength = LONGEST_TOKEN } = options;
  const usualTtlMs = checkedTtl('ttlMs', options.ttlMs ?? TTL_MS);
  const secretTtlMs = checkedTtl('secretTtlMs', options.secretTtlMs ?? SECRET_TTL_MS);
  const refreshMs = checkedMs('refreshMs', options.refreshMs, REFRESH_MS);
  const rules = claimRules(options);
  const { source, signer } = chooseKeys(options);
  const cache = tokenCache(checkedCount('maxCachedTokens', options.maxCachedTokens ?? MOST_CACHED));
  checkedCount('maxTokenLength', maxTokenLength);

  const sign = async (purpose: Purpose, account: Account, expiresAtS: number): Promise<string> => {
    if (signer === undefined) {
      throw authError(CODE.notImplemented, 'this jwt auth only checks tokens: give it a private key to issue some');
    }
    const token = await signJwt(writeClaims(account, expiresAtS, rules), typeOf(purpose, rules), signer());
    if (maxTokenLength === 0 || token.length <= maxTokenLength) return token;
    throw authError(
      CODE.tooLarge,
      `a token of account ${shown(account.id)} has ${token.length} characters, more than the ${maxTokenLength} that are accepted: give it fewer scopes and less metadata, or raise maxTokenLength`,
    );
  };

  const open = async (purpose: Purpose, token: string): Promise<Account> => {
    const refused = (why: string) => {
      const [name, advice] = WORDS[purpose];
      return authError(CODE.unauthorized, `${name} is not valid: ${why}; ${advice}`);
    };
    if (typeof token !== 'string') throw refused('it is not a text');
    if (maxTokenLength > 0 && token.length > maxTokenLength) {
      throw refused(`it has ${token.length} characters, more than the ${maxTokenLength} that are accepted`);
    }
    const header = headerOf(token);
    if (header === undefined) throw refused('it is no signed JWT');
    if (!fitsPurpose(header.typ, purpose, rules)) {
      const type = header.typ === undefined ? 'missing' : shown(header.typ);
      throw refused(`its typ is ${type}, and not ${typeOf(purpose, rules)}`);
    }
    const verified = await verify(token, header, source);
    if (verified === undefined) throw refused(whyNot(header));
    const reading = readClaims(verified.claims, rules, Date.now());
    if (typeof reading === 'string') throw refused(reading);
    const { account, expiresAtMs } = reading;
    if (purpose === 'access') cache.put(token, verified.keys, account, expiresAtMs);
    return account;
  };

  const authenticate = async ({ id, secret, refreshToken }: TokenOptions): Promise<Account> => {
    if (refreshToken !== undefined) return open('refresh', refreshToken);
    if (id === undefined || secret === undefined) {
      throw authError(CODE.badRequest, 'a token needs an id and a secret, or a refresh token');
    }
    const account = await open('secret', secret);
    if (account.id === id) return account;
    throw authError(CODE.unauthorized, `the secret is not that of account ${shown(id)}: give the id it was made for`);
  };

  return {
    name: 'jwt',

    async generate(id: string, given: GenerateOptions = {}) {
      const account = accountOf(id, given, namespace);
      const secret = await sign('secret', account, endOf(secretTtlMs));
      return { ...account, secret };
    },

    inspect(token: string) {
      const known = (keys: KeySet): Promise<Account> => {
        const account = cache.get(token, keys);
        return account === undefined ? open('access', token) : Promise.resolve(account);
      };
      try {
        const keys = source.read();
        return keys instanceof Promise ? keys.then(known) : known(keys);
      } catch (error) {
        return Promise.reject(error);
      }
    },

    async token(request: TokenOptions): Promise<Token> {
      const ttlMs = checkedTtl('ttlMs', request.ttlMs ?? usualTtlMs);
      const account = await authenticate(request);
      const createdAt = Date.now();
      const expiresAtS = endOf(ttlMs);
      const [accessToken, refreshToken] = await Promise.all([
        sign('access', account, expiresAtS),
        sign('refresh', account, endOf(ttlMs + refreshMs)),
      ]);
      return { accessToken, refreshToken, createdAt, expiresAt: expiresAtS * 1_000 };
    },
  };
}

/** Checks the signature. A token that names a key that is not here makes the keys looked for again. */
async function verify(
  token: string,
  header: JwtHeader,
  source: KeySource,
): Promise<{ readonly claims: Claims; readonly keys: KeySet } | undefined> {
  const keys = await source.read();
  const claims = await verifyJwt(token, header, keys);
  if (claims !== undefined) return { claims, keys };
  if (header.kid === undefined || keys.knows(header.kid)) return undefined;
  const others = await source.lookAgain();
  if (others === keys) return undefined;
  const again = await verifyJwt(token, header, others);
  return again && { claims: again, keys: others };
}

/** Why no key fits, without saying which keys there are. */
function whyNot({ alg, kid }: JwtHeader): string {
  const named = kid === undefined ? '' : ` and the key ${shown(kid)}`;
  return `no key that is accepted has signed it (it names ${shown(alg)}${named})`;
}

function claimRules(options: JwtAuthOptions): ClaimRules {
  const { namespace = NAMESPACE, issuers, claims = 'go-micro', audience, clockToleranceMs } = options;
  if (typeof namespace !== 'string') throw bad(`namespace is ${shown(namespace)}, and not a text`);
  if (claims !== 'go-micro' && claims !== 'strict') throw bad(`claims is ${shown(claims)}: give go-micro or strict`);
  if (issuers !== undefined && issuers !== 'any' && (!Array.isArray(issuers) || issuers.length === 0)) {
    throw bad('issuers is no list of at least one issuer: give one, or any');
  }
  if (Array.isArray(issuers) && !issuers.every((issuer) => typeof issuer === 'string')) {
    throw bad('issuers has one that is not a text: give texts, or any');
  }
  if (audience === '') throw bad('audience is an empty text: leave it out, or say whom tokens are for');
  const strict = claims === 'strict';
  if (strict && namespace === '') throw bad('strict claims need an issuer: give a namespace');
  return {
    strict,
    issuers: issuers === undefined || issuers === 'any' ? (issuers ?? new Set([namespace])) : new Set(issuers),
    withoutIssuer: !strict && issuers === undefined,
    audience: audience ?? (strict ? namespace : undefined),
    toleranceMs: checkedMs('clockToleranceMs', clockToleranceMs, TOLERANCE_MS),
  };
}

/** What is asked for, as an account, when Go can read it too: there a metadata value that is no text spoils the token. */
function accountOf(id: string, { type = '', scopes = [], metadata = {} }: GenerateOptions, issuer: string): Account {
  checkAccountId(id);
  if (typeof type !== 'string') throw bad(`the type of account ${shown(id)} is not a text`);
  if (!Array.isArray(scopes) || !scopes.every((scope) => typeof scope === 'string')) {
    throw bad(`the scopes of account ${shown(id)} are not a list of texts`);
  }
  if (typeof metadata !== 'object' || metadata === null)
    throw bad(`the metadata of account ${shown(id)} are no object`);
  for (const [name, value] of Object.entries(metadata)) {
    if (typeof value !== 'string') throw bad(`the metadata ${shown(name)} of account ${shown(id)} is not a text`);
  }
  return { id, type, issuer, metadata: { ...metadata }, scopes: [...scopes] };
}

/** In whole seconds since the epoch, rounded down as Go does it: the tolerance makes up for it. */
function endOf(ttlMs: number): number {
  return Math.floor((Date.now() + ttlMs) / 1_000);
}

function checkedTtl(name: string, ttlMs: number): number {
  if (ttlMs >= SHORTEST_TTL_MS && ttlMs <= LONGEST_TTL_MS) return ttlMs;
  throw bad(
    `${name} is ${String(ttlMs)}: a token has to end, and in whole seconds; give ${SHORTEST_TTL_MS} or more milliseconds`,
  );
}

function checkedCount(name: string, count: number): number {
  if (Number.isSafeInteger(count) && count >= 0) return count;
  throw bad(`${name} is ${String(count)}: give 0 or a whole number`);
}

function shown(value: unknown): string {
  return JSON.stringify(String(value).slice(0, 80));
}

function bad(detail: string) {
  return authError(CODE.badRequest, detail);
}
