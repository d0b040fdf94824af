import { createPublicKey, generateKeyPairSync, type JsonWebKey, type KeyObject } from 'node:crypto';

/** A key pair of a test, in every form that somebody may have it in. */
export interface TestKey {
  readonly privatePem: string;
  readonly publicPem: string;
  /** As go-micro has them: base64 of the PEM text. */
  readonly privateBase64: string;
  readonly publicBase64: string;
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
  /** The public key as a JWK with this name. */
  jwk(kid?: string, more?: object): JsonWebKey;
}

/** Makes an RSA key. */
export function rsaKey(modulusLength = 2_048): TestKey {
  return testKey(generateKeyPairSync('rsa', { modulusLength }).privateKey);
}

/** Makes an Ed25519 key. */
export function edKey(): TestKey {
  return testKey(generateKeyPairSync('ed25519').privateKey);
}

/** Makes a key on a curve such as `P-256`. */
export function ecKey(namedCurve = 'P-256'): TestKey {
  return testKey(generateKeyPairSync('ec', { namedCurve }).privateKey);
}

function testKey(privateKey: KeyObject): TestKey {
  const publicKey = createPublicKey(privateKey);
  const privatePem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  const publicPem = publicKey.export({ type: 'spki', format: 'pem' }).toString();
  return {
    privateKey,
    publicKey,
    privatePem,
    publicPem,
    privateBase64: Buffer.from(privatePem).toString('base64'),
    publicBase64: Buffer.from(publicPem).toString('base64'),
    jwk: (kid, more = {}) => ({
      ...publicKey.export({ format: 'jwk' }),
      ...(kid === undefined ? {} : { kid }),
      ...more,
    }),
  };
}
