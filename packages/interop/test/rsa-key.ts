import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto';

/** An RSA key pair, also in the forms that go-micro takes: base64 of PEM. */
export interface RsaKey {
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
  /** PKCS#8. */
  readonly privateBase64: string;
  /** PKCS#1. */
  readonly privatePkcs1Base64: string;
  /** PKIX. */
  readonly publicBase64: string;
  /** A JWT of these claims, signed by this key however one likes. */
  sign(claims: object, alg?: string, digest?: string): string;
}

/** Makes an RSA key pair. */
export function rsaKey(): RsaKey {
  const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2_048 });
  const base64 = (pem: string | Buffer): string => Buffer.from(pem).toString('base64');
  return {
    publicKey,
    privateKey,
    privateBase64: base64(privateKey.export({ type: 'pkcs8', format: 'pem' })),
    privatePkcs1Base64: base64(privateKey.export({ type: 'pkcs1', format: 'pem' })),
    publicBase64: base64(publicKey.export({ type: 'spki', format: 'pem' })),
    sign(claims, alg = 'RS256', digest = 'sha256') {
      const parts = [{ alg, typ: 'JWT' }, claims].map((part) =>
        Buffer.from(JSON.stringify(part)).toString('base64url'),
      );
      const text = parts.join('.');
      return `${text}.${sign(digest, Buffer.from(text), privateKey).toString('base64url')}`;
    },
  };
}

/** What a JWT says, as the text that was signed. */
export function claimsText(token: string): string {
  return Buffer.from(token.split('.')[1] ?? '', 'base64url').toString();
}
