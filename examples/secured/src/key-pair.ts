import { generateKeyPairSync } from 'node:crypto';

/** A private key that tokens are signed with, and the public key that they are checked with. */
export interface KeyPair {
  readonly privateKey: string;
  readonly publicKey: string;
}

/**
 * The keys in go-micro's variables `MICRO_AUTH_PRIVATE_KEY` and `MICRO_AUTH_PUBLIC_KEY`, or new ones. RSA, so that Go
 * services could check the tokens too; among ourselves Ed25519 is faster to make and shorter.
 */
export function keyPair(env: NodeJS.ProcessEnv): KeyPair {
  const { MICRO_AUTH_PRIVATE_KEY: privateKey, MICRO_AUTH_PUBLIC_KEY: publicKey } = env;
  if (privateKey !== undefined && publicKey !== undefined) return { privateKey, publicKey };
  if (privateKey !== undefined || publicKey !== undefined) {
    throw new Error('set both MICRO_AUTH_PRIVATE_KEY and MICRO_AUTH_PUBLIC_KEY, or none');
  }
  return generateKeyPairSync('rsa', {
    modulusLength: 2_048,
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
    publicKeyEncoding: { type: 'spki', format: 'pem' },
  });
}
