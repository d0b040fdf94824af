import type { Auth, Token } from '../contract/auth.ts';
import { CODE } from '../error/code.ts';
import { MicroError } from '../error/micro-error.ts';
import { reasonOf } from '../util/reason.ts';
import { within } from '../util/within.ts';
import { isToken } from './bearer.ts';

/** How a token is obtained and kept. */
export interface TokenSourceOptions {
  readonly auth: Auth;
  readonly id: string | undefined;
  readonly secret: string | undefined;
  /** The token to begin with. */
  readonly token: Token | undefined;
  readonly ttlMs: number | undefined;
  /** How long before its end a token is renewed, at most half of its life. `undefined`: a fifth of its life. */
  readonly renewBeforeMs: number | undefined;
  /** How long obtaining one may take; 0 is no limit. */
  readonly timeoutMs: number;
}

/** Has a token that is valid. It has no timers: whoever reads it makes it renew. */
export interface TokenSource {
  /** The access token, or `''` when the provider has none to give; a promise only while there is none that is valid. */
  read(): string | Promise<string>;
  /** A service did not accept this token, so the next reader gets another one. */
  refused(accessToken: string): void;
}

/** A provider that fails, or hands out what is not accepted, is asked no more often than this. */
const SHORTEST_PAUSE_MS = 1_000;

/**
 * Obtains a token when it is first read, and a new one before it ends, with the refresh token or, where that fails, with id
 * and secret. However many read at once, the provider is asked once.
 */
export function tokenSource(options: TokenSourceOptions): TokenSource {
  const { auth, id, secret, ttlMs, renewBeforeMs, timeoutMs } = options;
  let current: Token | undefined;
  /** All in milliseconds since the epoch, on the clock of the system, since that is what tokens are dated by. */
  let obtainedAt = 0;
  let renewAt = 0;
  let usableUntil = 0;
  let failedAt = 0;
  let failure: unknown;
  let renewing: Promise<string> | undefined;

  const keep = (token: Token, at: number): void => {
    const life = Math.max(0, token.expiresAt - at);
    current = token;
    obtainedAt = at;
    usableUntil = token.expiresAt;
    renewAt = token.expiresAt - Math.min(renewBeforeMs ?? life / 5, life / 2);
  };

  const canRenew = (): boolean => id !== undefined || (current !== undefined && current.refreshToken !== '');

  const request = async (): Promise<Token> => {
    const byId = (): Promise<Token> => auth.token({ id, secret, ttlMs });
    const refreshToken = current?.refreshToken;
    if (refreshToken) {
      const refreshed = auth.token({ refreshToken, ttlMs });
      return id === undefined ? refreshed : refreshed.catch(byId);
    }
    if (id !== undefined) return byId();
    throw new MicroError({
      id: 'go.micro.client',
      code: CODE.unauthorized,
      detail: 'the token has run out: give authCall an id and a secret, or a token with a refresh token',
    });
  };

  const renew = async (): Promise<string> => {
    try {
      const token = await within(timeoutMs, `getting a token from ${auth.name}`, request);
      if (token.accessToken !== '' && !isToken(token.accessToken)) {
        // Its text is not shown: whatever it is, it is secret.
        throw new Error('what it handed out cannot be sent as a token');
      }
      keep(token, Date.now());
      failure = undefined;
      return token.accessToken;
    } catch (error) {
      failedAt = Date.now();
      failure =
        error instanceof MicroError
          ? error
          : new MicroError({
              id: 'go.micro.client',
              code: CODE.unavailable,
              detail: `cannot get a token from ${auth.name}: ${reasonOf(error)}`,
              cause: error,
            });
      throw failure;
    } finally {
      renewing = undefined;
    }
  };

  if (options.token !== undefined) {
    keep(options.token, Date.now());
    // It may be refused or renewed at once: nobody knows how old it is.
    obtainedAt = 0;
  }

  return {
    read() {
      const at = Date.now();
      if (current !== undefined && (at < renewAt || at - obtainedAt < SHORTEST_PAUSE_MS)) return current.accessToken;
      const isUsable = current !== undefined && at < usableUntil;
      if (current !== undefined && isUsable && !canRenew()) return current.accessToken;
      if (failure !== undefined && at - failedAt < SHORTEST_PAUSE_MS) {
        return current !== undefined && isUsable ? current.accessToken : Promise.reject(failure);
      }
      renewing ??= renew();
      if (current === undefined || !isUsable) return renewing;
      // There is time until it ends: nobody waits for the next one, and if it fails, it is tried again.
      renewing.catch(() => {});
      return current.accessToken;
    },
    refused(accessToken) {
      if (current?.accessToken !== accessToken || !canRenew()) return;
      renewAt = 0;
      usableUntil = 0;
    },
  };
}
