import { randomUUID } from 'node:crypto';
import type { Auth, Token } from '../contract/auth.ts';
import { CODE } from '../error/code.ts';
import { authError, shown } from './auth-error.ts';

/** What a noop auth may take. */
export interface NoopAuthOptions {
  /** The issuer of every account. Default `go.micro`, as go-micro's `--auth_namespace`. */
  readonly namespace?: string | undefined;
}

const NO_TOKEN: Token = Object.freeze({ accessToken: '', refreshToken: '', createdAt: 0, expiresAt: 0 });

/**
 * Lets everybody pass, as go-micro's default does: `generate` answers with what it was given, every token is that of a new
 * account with a random id and no scopes, and `token` answers with an empty token that has run out, so that callers send
 * none. It protects nothing.
 */
export function noopAuth({ namespace = 'go.micro' }: NoopAuthOptions = {}): Auth {
  return {
    name: 'noop',

    async generate(id, options = {}) {
      if (typeof id !== 'string' || id === '') {
        throw authError(CODE.badRequest, `an account needs an id, not ${shown(id)}`);
      }
      const { type = '', metadata = {}, scopes = [], secret } = options;
      const account = { id, type, issuer: namespace, metadata: { ...metadata }, scopes: [...scopes] };
      return secret === undefined ? account : { ...account, secret };
    },

    async inspect() {
      return { id: randomUUID(), type: '', issuer: namespace, metadata: {}, scopes: [] };
    },

    async token() {
      return NO_TOKEN;
    },
  };
}
