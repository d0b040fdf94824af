import { createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import type { Account, Auth, GenerateOptions, Token, TokenOptions } from '../contract/auth.ts';
import { CODE } from '../error/code.ts';
import { checkAccountId } from './account-id.ts';
import { authError, shown } from './auth-error.ts';

/** What a memory auth may take. Every number: `undefined` is the default, `0` is off. */
export interface MemoryAuthOptions {
  /** The issuer of every account. Default `go.micro`, as go-micro's `--auth_namespace`. */
  readonly namespace?: string | undefined;
  /** How long an access token lives unless its request says otherwise, in milliseconds. Default 60,000; 0 is for ever. */
  readonly ttlMs?: number | undefined;
  /** How many accounts there may be. One more is refused with 429. Default 10,000; 0 is no limit. */
  readonly maxAccounts?: number | undefined;
}

interface Known {
  /** As it is handed out, without its secret. */
  readonly account: Account;
  readonly secretHash: Buffer;
}

type Purpose = 'access' | 'refresh';

const TTL_MS = 60_000;
/** A refresh token outlives its access token by this, as in go-micro's jwt. */
const REFRESH_MS = 3_600_000;
const MOST_ACCOUNTS = 10_000;
const LONGEST_TOKEN = 1_024;
/** What `expiresAt` says of a token without an end. */
const NEVER = Number.MAX_SAFE_INTEGER;

/**
 * Accounts that live in this process, for tests, examples and programs of one process. A token names an account and its own
 * end and is signed (HMAC-SHA256) with a key that is made with the provider and never leaves it, so tokens cost no memory and
 * nobody else's are accepted. For several processes there are plugins, such as `@micro/auth-jwt`.
 *
 * `generate` throws 409 for an id that is there already; `token` throws 401 for a wrong secret, an unknown account and a
 * refresh token that is not valid; `inspect` throws 401 for whatever is not an access token of its own that is still valid.
 */
export function memoryAuth(options: MemoryAuthOptions = {}): Auth {
  const { namespace = 'go.micro', ttlMs: usualTtlMs = TTL_MS, maxAccounts = MOST_ACCOUNTS } = options;
  checkTtl(usualTtlMs);
  const accounts = new Map<string, Known>();
  const key = randomBytes(32);

  const sign = (payload: string): Buffer => createHmac('sha256', key).update(payload).digest();

  const issue = (purpose: Purpose, id: string, expiresAt: number): string => {
    const payload = Buffer.from(JSON.stringify([purpose, id, expiresAt])).toString('base64url');
    return `${payload}.${sign(payload).toString('base64url')}`;
  };

  /** Whose token it is, when it is one of ours, for this purpose, and has not run out. */
  const open = (purpose: Purpose, token: string): Account | undefined => {
    if (typeof token !== 'string' || token.length > LONGEST_TOKEN) return undefined;
    const [payload = '', signature = '', ...rest] = token.split('.');
    if (rest.length > 0) return undefined;
    const expected = sign(payload);
    // Compared as text: base64url has more than one spelling of the same bytes, and a token has exactly one.
    if (!equal(Buffer.from(signature), Buffer.from(expected.toString('base64url')))) return undefined;
    const [forWhat, id, expiresAt]: [Purpose, string, number] = JSON.parse(
      Buffer.from(payload, 'base64url').toString(),
    );
    if (forWhat !== purpose || expiresAt <= Date.now()) return undefined;
    return accounts.get(id)?.account;
  };

  const authenticate = ({ id, secret, refreshToken }: TokenOptions): Account => {
    if (refreshToken !== undefined) {
      const account = open('refresh', refreshToken);
      if (account !== undefined) return account;
      throw authError(CODE.unauthorized, 'the refresh token is not valid: ask for a token with id and secret');
    }
    if (id === undefined || secret === undefined) {
      throw authError(CODE.badRequest, 'a token needs an id and a secret, or a refresh token');
    }
    const known = accounts.get(id);
    const matches = equal(hash(secret), known?.secretHash ?? Buffer.alloc(32));
    // One text for both, so that nobody can ask which accounts there are.
    if (known === undefined || !matches) {
      throw authError(CODE.unauthorized, `no account ${shown(id)} with this secret`);
    }
    return known.account;
  };

  return {
    name: 'memory',

    async generate(id: string, { type = '', scopes = [], metadata = {}, secret }: GenerateOptions = {}) {
      checkAccountId(id);
      if (accounts.has(id)) {
        throw authError(CODE.conflict, `account ${shown(id)} is there already: choose another id`);
      }
      if (maxAccounts > 0 && accounts.size >= maxAccounts) {
        throw authError(CODE.tooManyRequests, `there are ${maxAccounts} accounts already: raise maxAccounts`);
      }
      const ownSecret = secret ?? randomBytes(24).toString('base64url');
      const account: Account = Object.freeze({
        id,
        type,
        issuer: namespace,
        metadata: Object.freeze({ ...metadata }),
        scopes: Object.freeze([...scopes]),
      });
      accounts.set(id, { account, secretHash: hash(ownSecret) });
      return { ...account, secret: ownSecret };
    },

    async inspect(token: string) {
      const account = open('access', token);
      if (account === undefined) throw authError(CODE.unauthorized, 'the token is not valid: get a new one');
      return account;
    },

    async token(request: TokenOptions): Promise<Token> {
      const ttlMs = request.ttlMs ?? usualTtlMs;
      checkTtl(ttlMs);
      const { id } = authenticate(request);
      const createdAt = Date.now();
      const expiresAt = ttlMs === 0 ? NEVER : createdAt + ttlMs;
      const refreshUntil = ttlMs === 0 ? NEVER : expiresAt + REFRESH_MS;
      return {
        accessToken: issue('access', id, expiresAt),
        refreshToken: issue('refresh', id, refreshUntil),
        createdAt,
        expiresAt,
      };
    },
  };
}

function hash(secret: string): Buffer {
  return createHash('sha256').update(String(secret)).digest();
}

function equal(a: Buffer, b: Buffer): boolean {
  return a.length === b.length && timingSafeEqual(a, b);
}

function checkTtl(ttlMs: number): void {
  if (Number.isFinite(ttlMs) && ttlMs >= 0) return;
  throw authError(CODE.badRequest, `a token cannot live for ${shown(ttlMs)} milliseconds: give 0 or more`);
}
