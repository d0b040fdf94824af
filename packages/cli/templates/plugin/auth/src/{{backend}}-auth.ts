import type { Auth } from '@micro/core';
import { checkAccountId, numberOf } from '@micro/core/plugin';
import { createAsk } from './ask.ts';
import { checkOptions, type {{Options}} } from './{{backend}}-options.ts';
import { notWritten } from './not-written.ts';

/**
 * Accounts and tokens of {{backend}}. Throws 400 for options that make no sense. Each question ends within `timeoutMs`: 408
 * when {{backend}} does not answer, 503 when it cannot be reached. No error tells a secret or a token.
 */
export function {{factory}}(options: {{Options}}): Auth {
  const { address, namespace, usualTtlMs, timeoutMs } = checkOptions(options);
  const ask = createAsk(`{{backend}} at ${address}`, timeoutMs);

  return {
    name: '{{backend}}',

    /**
     * Makes an account of what was asked for, and nothing more; its issuer is the namespace. This is the only answer with
     * a secret in it: the one that was given, or a new one. Throws 409 for an id that is there, if accounts are kept.
     */
    generate: (id, { type = '', scopes = [], metadata = {}, secret } = {}) =>
      ask('generating an account', undefined, async (signal) => {
        checkAccountId(id);
        throw notWritten('generate', { namespace, id, type, scopes, metadata, hasSecret: secret !== undefined, signal });
      }),

    /** The account of an access token, without its secret. Throws 401 for whatever is none, or has run out. */
    inspect: (token) =>
      ask('inspecting a token', undefined, async (signal) => {
        throw notWritten('inspect', { namespace, characters: String(token).length, signal });
      }),

    /**
     * A token for an account, by its id and secret or by a refresh token. Throws 400 for a request with neither, and 401 for
     * a secret or a refresh token that is wrong, in the same words as for an account that is not there.
     */
    token: ({ id, secret, refreshToken, ttlMs }) =>
      ask('getting a token', undefined, async (signal) => {
        const lifeMs = numberOf('ttlMs', ttlMs, usualTtlMs);
        const by = refreshToken !== undefined ? 'refresh token' : secret !== undefined ? 'secret' : 'nothing';
        throw notWritten('token', { namespace, id, by, lifeMs, signal });
      }),
  };
}
