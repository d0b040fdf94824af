import { fileURLToPath } from 'node:url';
import { type Auth, CODE, type FlagValue, type Plugin } from '@micro/core';
import { authError } from '@micro/core/plugin';
import { jwtAuth } from './jwt-auth.ts';
import type { JwtAuthOptions } from './jwt-auth-options.ts';

/**
 * What `--auth jwt` makes. `--auth_private_key` and `--auth_public_key` take base64 of PEM as in go-micro, PEM, a JWK as JSON,
 * or a file (`file:` and a URL, or a path that begins with `/` or `.`); the public key also the URL of a JWK set, or a file
 * with one whose name ends in `.json`. `--auth_namespace` is the issuer. `--auth_id` and `--auth_secret` are for the code that
 * calls others: a JWT auth keeps no accounts.
 */
export const plugin: Plugin<Auth> = {
  api: 1,
  kind: 'auth',
  name: 'jwt',
  create(flags, { logger }) {
    const { auth_private_key: privateKey, auth_public_key: publicKey, auth_namespace: namespace } = flags;
    if (privateKey === undefined && publicKey === undefined) {
      throw authError(
        CODE.badRequest,
        'the auth jwt needs a key: give --auth_public_key (MICRO_AUTH_PUBLIC_KEY) or --auth_private_key (MICRO_AUTH_PRIVATE_KEY)',
      );
    }
    return jwtAuth({
      ...privateFrom(privateKey),
      ...publicFrom(publicKey),
      namespace: namespace === undefined ? undefined : String(namespace),
      logger,
    });
  },
};

function privateFrom(value: FlagValue | undefined): Pick<JwtAuthOptions, 'privateKey' | 'privateKeyFile'> {
  if (value === undefined) return {};
  const text = String(value);
  const file = fileIn(text);
  return file === undefined ? { privateKey: text } : { privateKeyFile: file };
}

function publicFrom(value: FlagValue | undefined): Pick<JwtAuthOptions, 'publicKey' | 'publicKeyFile' | 'jwks'> {
  if (value === undefined) return {};
  const text = String(value);
  if (/^https?:/i.test(text)) return { jwks: { url: text } };
  const file = fileIn(text);
  if (file === undefined) return { publicKey: text };
  return file.endsWith('.json') ? { jwks: { file } } : { publicKeyFile: file };
}

/** The path that a value means; `undefined` for a key. No base64 of PEM begins like a path. */
function fileIn(text: string): string | undefined {
  if (/^file:/i.test(text)) {
    try {
      return fileURLToPath(text);
    } catch (cause) {
      const detail = `${JSON.stringify(text.slice(0, 200))} is not a URL of a file here: write file:///path`;
      throw authError(CODE.badRequest, detail, cause);
    }
  }
  return /^[./]/.test(text) ? text : undefined;
}
