import type { Logger, TlsOptions } from '@micro/core';
import type { JwkSet } from './key-set.ts';

/** What a JWT auth may take. Every number: `undefined` is the default. */
export interface JwtAuthOptions {
  /** The issuer of accounts and tokens. Default `go.micro`, as go-micro's `--auth_namespace`; `''` writes none. */
  readonly namespace?: string | undefined;
  /**
   * Whose tokens are accepted; `any` is everybody's whose signature is right, as go-micro does it. Default: those of
   * `namespace`, and with go-micro's claims those without an issuer too.
   */
  readonly issuers?: readonly string[] | 'any' | undefined;
  /**
   * The key that tokens are signed with: PEM, base64 of PEM as go-micro has it, or a JWK as JSON. RSA of 2,048 bits or more
   * signs with RS256, Ed25519 with EdDSA, EC with ES256, ES384 or ES512. Without it tokens are only checked.
   */
  readonly privateKey?: string | Buffer | undefined;
  /** A file with that key; read again when it changes. */
  readonly privateKeyFile?: string | undefined;
  /** What tokens say their key is (`kid`). Default: the `kid` of a JWK, else none, as in go-micro. */
  readonly keyId?: string | undefined;
  /** The one key that tokens are checked with, in the same forms or as X.509 certificate. Default: that of the private key. */
  readonly publicKey?: string | Buffer | undefined;
  /** A file with that key; read again when it changes. */
  readonly publicKeyFile?: string | undefined;
  /** The keys that tokens are checked with, where there are several, or where they change. */
  readonly jwks?: JwksOptions | undefined;
  /**
   * What tokens say. `go-micro`, the default: what go-micro's jwt says, so that tokens can be exchanged with it; nobody can
   * tell an access token from a refresh token or a secret. `strict`: each says what it is for (`typ`), for whom (`aud`), when
   * it was made and which one it is (`iat`, `jti`), and all of that is demanded.
   */
  readonly claims?: 'go-micro' | 'strict' | undefined;
  /**
   * Whom tokens are for (`aud`): written into them, and demanded of them. Default: `namespace` with strict claims; none with
   * go-micro's, where nobody looks at it.
   */
  readonly audience?: string | undefined;
  /** How long an access token lives unless its request says otherwise, in milliseconds. Default 60,000, as in go-micro. */
  readonly ttlMs?: number | undefined;
  /** How much longer than its access token a refresh token lives, in milliseconds. Default 3,600,000, as in go-micro. */
  readonly refreshMs?: number | undefined;
  /** How long the secret of an account is valid, in milliseconds. Default 900,000, as in go-micro. */
  readonly secretTtlMs?: number | undefined;
  /**
   * By how much clocks may differ, in milliseconds: so long after its end and before its beginning a token is accepted.
   * Default 1,000, which makes the end what it is in Go, where a token counts until its last second is over; 0 is none.
   */
  readonly clockToleranceMs?: number | undefined;
  /** A longer token is refused, and not made, in characters. Default 8,192, as that of `authHandler`; 0 is no limit. */
  readonly maxTokenLength?: number | undefined;
  /** How many valid tokens are remembered until they run out, so that each is verified once. Default 10,000; 0 is none. */
  readonly maxCachedTokens?: number | undefined;
  /** Is told when keys cannot be read or fetched any more, and when they can again; and of keys that are not used. */
  readonly logger?: Logger | undefined;
}

/**
 * Where a JWK set (RFC 7517) comes from: one of `keys`, `file` and `url`. Every number: `undefined` is the default. All but
 * these three, and `staleMs` with a file, are for a `url` only.
 */
export interface JwksOptions {
  /** The set as it is. */
  readonly keys?: JwkSet['keys'] | undefined;
  /** A file with the set as JSON. Looked at once in a second at most, and read again when it changed. */
  readonly file?: string | undefined;
  /** Where it is fetched from, when the first token is checked. `http:` is refused but for this machine, and with `tls.insecure`. */
  readonly url?: string | URL | undefined;
  /** Whom to trust, and who we are, when it is fetched. Files are read again when they change. */
  readonly tls?: TlsOptions | undefined;
  /**
   * How old fetched keys may become before they are fetched again, in milliseconds: so long a key that was taken away is
   * accepted at most. Default 300,000; 0 is for ever.
   */
  readonly refreshMs?: number | undefined;
  /** How old keys may become while they can be neither fetched nor read, in milliseconds. Default 3,600,000; 0 is for ever. */
  readonly staleMs?: number | undefined;
  /** How long after fetching no token with an unknown key makes them fetched again, in milliseconds. Default 30,000; 0 is none. */
  readonly cooldownMs?: number | undefined;
  /** How long fetching may take, in milliseconds. Default 5,000; 0 is no limit. */
  readonly timeoutMs?: number | undefined;
}
