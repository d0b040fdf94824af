import { createHmac, type KeyObject, sign } from 'node:crypto';
import { CODE, MicroError } from '@micro/core';
import { expect } from 'vitest';

/** What a token of go-micro says, with an hour to live. */
export function goClaims(more: object = {}): object {
  return {
    type: 'user',
    scopes: ['staff'],
    metadata: { team: 'greetings' },
    exp: inSeconds(3_600),
    iss: 'go.micro',
    sub: 'alice',
    ...more,
  };
}

/** Now, and so many seconds more, as JWTs count. */
export function inSeconds(seconds: number): number {
  return Math.floor(Date.now() / 1_000) + seconds;
}

/** Makes a token by hand, with any header and any claims. */
export function forge(key: KeyObject, claims: object | string, header: object = {}): string {
  const { alg = 'RS256', ...more } = header as { alg?: string };
  const input = `${base64({ alg, typ: 'JWT', ...more })}.${base64(claims)}`;
  return `${input}.${signature(alg, input, key).toString('base64url')}`;
}

/** A token with an HMAC for a signature. */
export function forgeHmac(secret: string | Buffer, claims: object): string {
  const input = `${base64({ alg: 'HS256', typ: 'JWT' })}.${base64(claims)}`;
  return `${input}.${createHmac('sha256', secret).update(input).digest('base64url')}`;
}

/** The parts of a token that can be read. */
export function read(token: string): {
  readonly header: Record<string, unknown>;
  readonly claims: Record<string, unknown>;
} {
  const [header = '', claims = ''] = token.split('.');
  const parse = (part: string) => JSON.parse(Buffer.from(part, 'base64url').toString());
  return { header: parse(header), claims: parse(claims) };
}

/** Expects 401 with this reason. */
export async function unauthorized(promise: Promise<unknown>, reason: RegExp): Promise<void> {
  const error = await promise.then(
    () => undefined,
    (cause: unknown) => cause,
  );
  expect(error).toBeInstanceOf(MicroError);
  expect(error).toMatchObject({ code: CODE.unauthorized, detail: expect.stringMatching(reason) });
}

export function base64(value: object | string): string {
  return Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');
}

function signature(alg: string, input: string, key: KeyObject): Buffer {
  const data = Buffer.from(input);
  if (alg === 'EdDSA' || alg === 'Ed25519') return sign(null, data, key);
  const hash = `sha${alg.slice(2)}`;
  if (alg.startsWith('ES')) return sign(hash, data, { key, dsaEncoding: 'ieee-p1363' });
  // RSA_PKCS1_PSS_PADDING, and RSA_PSS_SALTLEN_DIGEST.
  if (alg.startsWith('PS')) return sign(hash, data, { key, padding: 6, saltLength: -1 });
  return sign(hash, data, key);
}
