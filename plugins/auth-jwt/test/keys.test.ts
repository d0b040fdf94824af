import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CODE, MicroError } from '@micro/core';
import { testCertificates } from '@micro/test-servers';
import { afterAll, describe, expect, it } from 'vitest';
import { type JwtAuthOptions, jwtAuth } from '../src/index.ts';
import { forge, goClaims, read, unauthorized } from './forge.ts';
import { ecKey, edKey, rsaKey } from './keys.ts';

const key = rsaKey();
const folder = mkdtempSync(join(tmpdir(), 'auth-jwt-keys-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function file(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

/** Expects the options to be refused with 400, in a text that fits and shows no key. */
function refused(options: JwtAuthOptions, reason: RegExp): void {
  let error: unknown;
  try {
    jwtAuth(options);
  } catch (cause) {
    error = cause;
  }
  expect(error).toBeInstanceOf(MicroError);
  expect(error).toMatchObject({ code: CODE.badRequest, detail: expect.stringMatching(reason) });
  for (const text of [options.privateKey, options.publicKey]) {
    const middle = text?.toString().slice(60, 90).trim();
    if (middle) expect(String(error)).not.toContain(middle);
  }
}

describe('a private key', () => {
  const pkcs1 = key.privateKey.export({ type: 'pkcs1', format: 'pem' }).toString();
  const ec = ecKey();

  it.each<[string, JwtAuthOptions, string]>([
    ['base64 of PKCS#8, as in go-micro', { privateKey: key.privateBase64 }, 'RS256'],
    ['base64 of PKCS#1, as in go-micro', { privateKey: Buffer.from(pkcs1).toString('base64') }, 'RS256'],
    ['base64 in lines', { privateKey: key.privateBase64.replace(/(.{76})/g, '$1\n') }, 'RS256'],
    ['PEM of PKCS#8', { privateKey: `\n${key.privatePem}\n` }, 'RS256'],
    ['PEM of PKCS#1', { privateKey: pkcs1 }, 'RS256'],
    ['PEM in a buffer', { privateKey: Buffer.from(key.privatePem) }, 'RS256'],
    ['PEM of SEC1', { privateKey: ec.privateKey.export({ type: 'sec1', format: 'pem' }).toString() }, 'ES256'],
    ['PEM of P-384', { privateKey: ecKey('P-384').privatePem }, 'ES384'],
    ['PEM of P-521', { privateKey: ecKey('P-521').privatePem }, 'ES512'],
    ['PEM of Ed25519', { privateKey: edKey().privatePem }, 'EdDSA'],
    ['a JWK', { privateKey: JSON.stringify(ec.privateKey.export({ format: 'jwk' })) }, 'ES256'],
    [
      'a JWK that says its algorithm',
      { privateKey: JSON.stringify({ ...key.privateKey.export({ format: 'jwk' }), alg: 'PS256' }) },
      'PS256',
    ],
    ['a file of PEM', { privateKeyFile: file('private.pem', key.privatePem) }, 'RS256'],
    ['a file of base64', { privateKeyFile: file('private.b64', key.privateBase64) }, 'RS256'],
  ])('may be %s, and checks what it has signed', async (_, options, alg) => {
    const auth = jwtAuth(options);
    const { secret = '' } = await auth.generate('alice');
    expect(read(secret).header.alg).toBe(alg);
    const { accessToken } = await auth.token({ id: 'alice', secret });
    expect((await auth.inspect(accessToken)).id).toBe('alice');
  });

  it('may have parameters of its curve in front, as openssl writes them', async () => {
    const parameters = '-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n';
    const privateKey = parameters + ec.privateKey.export({ type: 'sec1', format: 'pem' }).toString();
    expect(read((await jwtAuth({ privateKey }).generate('a')).secret ?? '').header.alg).toBe('ES256');
  });

  it('has the name that the options, or else its JWK, give it, and none by itself', async () => {
    const jwk = JSON.stringify({ ...ec.privateKey.export({ format: 'jwk' }), kid: 'from-jwk' });
    const kid = async (options: JwtAuthOptions) => read((await jwtAuth(options).generate('a')).secret ?? '').header.kid;
    expect(await kid({ privateKey: jwk })).toBe('from-jwk');
    expect(await kid({ privateKey: jwk, keyId: 'mine' })).toBe('mine');
    expect(await kid({ privateKey: key.privatePem })).toBeUndefined();
  });

  it.each<[string, JwtAuthOptions, RegExp]>([
    ['nothing', { privateKey: '' }, /privateKey is neither PEM, nor base64 of PEM, nor a JWK/],
    ['a word', { privateKey: 'secret' }, /privateKey is neither PEM/],
    ['a public key', { privateKey: key.publicPem }, /privateKey holds a public key: give the private key/],
    ['a public JWK', { privateKey: JSON.stringify(key.jwk()) }, /privateKey holds a public key/],
    [
      'an encrypted key',
      {
        privateKey: key.privateKey
          .export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'x' })
          .toString(),
      },
      /privateKey is encrypted: decrypt it first/,
    ],
    [
      'an encrypted key in the old form',
      {
        privateKey: key.privateKey
          .export({ type: 'pkcs1', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'x' })
          .toString(),
      },
      /privateKey is encrypted: decrypt it first/,
    ],
    ['a broken key', { privateKey: key.privatePem.replace(/\n.{20}/, '\n') }, /privateKey cannot be read/],
    ['broken JSON', { privateKey: '{"kty":"RSA","d":"geheim' }, /privateKey cannot be read: it is not JSON$/],
    [
      'another thing in PEM',
      { privateKey: '-----BEGIN DH PARAMETERS-----\n-----END DH PARAMETERS-----' },
      /is PEM of "DH/,
    ],
    ['1,024 bits', { privateKey: rsaKey(1_024).privatePem }, /RSA key of 1024 bits: it needs 2048 or more/],
    ['another curve', { privateKey: ecKey('secp256k1').privatePem }, /type ec: it takes RSA, EC \(P-256/],
    [
      'Ed448',
      { privateKey: generateKeyPairSync('ed448').privateKey.export({ type: 'pkcs8', format: 'pem' }).toString() },
      /type ed448/,
    ],
    ['an odd name', { privateKey: JSON.stringify({ ...edKey().privateKey.export({ format: 'jwk' }), kid: 7 }) }, /kid/],
    [
      'an algorithm of another type',
      { privateKey: JSON.stringify({ ...key.privateKey.export({ format: 'jwk' }), alg: 'HS256' }) },
      /cannot be used with "HS256"/,
    ],
    ['a missing file', { privateKeyFile: join(folder, 'missing') }, /cannot read privateKeyFile .*missing: ENOENT/],
    ['a file without a key', { privateKeyFile: file('empty', '') }, /privateKeyFile .*empty is neither PEM/],
  ])('that is %s is refused', (_, options, reason) => refused(options, reason));
});

describe('a public key', () => {
  const token = forge(key.privateKey, goClaims());
  const { cert, key: certKey } = testCertificates();

  it.each<[string, JwtAuthOptions]>([
    ['base64 of PKIX, as in go-micro', { publicKey: key.publicBase64 }],
    ['PEM of PKIX', { publicKey: key.publicPem }],
    [
      'PEM of PKCS#1 (BEGIN RSA PUBLIC KEY), which Go refuses',
      {
        publicKey: key.publicKey.export({ type: 'pkcs1', format: 'pem' }).toString(),
      },
    ],
    ['a JWK', { publicKey: JSON.stringify(key.jwk()) }],
    ['a file', { publicKeyFile: file('public.pem', key.publicPem) }],
    ['that of the private key', { privateKey: key.privatePem }],
  ])('may be %s', async (_, options) => {
    expect((await jwtAuth(options).inspect(token)).id).toBe('alice');
    await unauthorized(jwtAuth(options).inspect(forge(rsaKey().privateKey, goClaims())), /no key/);
  });

  it.each([
    ['PEM', cert],
    ['base64 of PEM, as in go-micro', Buffer.from(cert).toString('base64')],
  ])('may be an X.509 certificate in %s', async (_, text) => {
    const issuer = jwtAuth({ privateKey: certKey });
    const { secret = '' } = await issuer.generate('alice');
    const { accessToken } = await issuer.token({ id: 'alice', secret });
    const checker = jwtAuth({ publicKey: text });
    expect((await checker.inspect(accessToken)).id).toBe('alice');
    await unauthorized(checker.inspect(token), /no key/);
  });

  it('that belongs to another private key is refused, and so is a pair with another name', () => {
    refused({ privateKey: key.privatePem, publicKey: rsaKey().publicPem }, /do not belong together/);
    refused({ privateKey: key.privatePem, publicKey: edKey().publicPem }, /do not belong together/);
  });

  it.each<[string, JwtAuthOptions, RegExp]>([
    ['a private key', { publicKey: key.privatePem }, /publicKey holds a private key: give its public key/],
    ['a private key in base64', { publicKey: key.privateBase64 }, /publicKey holds a private key/],
    [
      'a private JWK',
      { publicKey: JSON.stringify(key.privateKey.export({ format: 'jwk' })) },
      /publicKey has the member d, which is secret/,
    ],
    ['a secret JWK', { publicKey: '{"kty":"oct","k":"YWJj"}' }, /has the member k, which is secret/],
    ['a word', { publicKey: 'key' }, /publicKey is neither PEM/],
    ['1,024 bits', { publicKey: rsaKey(1_024).publicPem }, /1024 bits/],
    ['an exponent of 1', { publicKey: JSON.stringify(key.jwk(undefined, { e: 'AQ' })) }, /exponent 1|cannot be read/],
    ['a missing file', { publicKeyFile: join(folder, 'missing') }, /ENOENT/],
  ])('that is %s is refused', (_, options, reason) => refused(options, reason));
});

describe('options that make no sense', () => {
  const { publicPem: publicKey, privatePem: privateKey } = key;
  it.each<[string, JwtAuthOptions, RegExp]>([
    ['no key', {}, /needs a key: give privateKey, publicKey or jwks/],
    ['two public keys', { publicKey, publicKeyFile: 'x' }, /publicKey and publicKeyFile say the same/],
    ['a public key and a set', { publicKey, jwks: { keys: [] } }, /publicKey and jwks say the same/],
    ['two private keys', { privateKey, privateKeyFile: 'x' }, /privateKey and privateKeyFile say the same/],
    ['a name for no key', { publicKey, keyId: 'a' }, /keyId "a" names a private key, but there is none/],
    ['unknown claims', { publicKey, claims: 'lax' as 'strict' }, /claims is "lax": give go-micro or strict/],
    ['an empty name', { privateKey, keyId: '' }, /keyId is an empty text/],
    ['an issuer that is a number', { publicKey, issuers: [5] as never }, /issuers has one that is not a text/],
    ['no issuers', { publicKey, issuers: [] }, /issuers is no list of at least one/],
    ['an empty audience', { publicKey, audience: '' }, /audience is an empty text/],
    ['strict claims without an issuer', { publicKey, claims: 'strict', namespace: '' }, /need an issuer/],
    ['a negative tolerance', { publicKey, clockToleranceMs: -1 }, /clockToleranceMs is -1/],
    ['no number of tokens', { publicKey, maxCachedTokens: 1.5 }, /maxCachedTokens is 1\.5/],
    ['no length', { publicKey, maxTokenLength: Number.NaN }, /maxTokenLength is NaN/],
    ['no refresh', { privateKey, refreshMs: -1 }, /refreshMs is -1/],
    ['a time for a file', { jwks: { file: 'x', refreshMs: 5 } }, /jwks\.refreshMs is for keys from a url/],
    ['certificates for keys', { jwks: { keys: [key.jwk()], tls: {} } }, /jwks\.tls is for keys from a url/],
    ['an age for keys', { jwks: { keys: [key.jwk()], staleMs: 5 } }, /jwks\.staleMs is for keys from a url/],
    ['an empty set', { jwks: {} }, /jwks needs keys, a file or a url/],
    ['two sets', { jwks: { keys: [], file: 'x' } }, /jwks\.keys and jwks\.file say the same/],
    ['no URL', { jwks: { url: 'keys' } }, /jwks\.url is not a URL/],
    ['another protocol', { jwks: { url: 'ftp://host/keys' } }, /is neither https: nor http:/],
    [
      'a password',
      { jwks: { url: 'https://me:geheim@host/k' } },
      /^jwks\.url https:\/\/host\/k has a user or a password/,
    ],
    ['plain http to others', { jwks: { url: 'http://idp.example/k' } }, /is not https:, so anybody on the way/],
    ['keys that end before they are old', { jwks: { url: 'https://a/k', refreshMs: 10, staleMs: 5 } }, /staleMs is 5/],
    ['a negative time', { jwks: { url: 'https://a/k', timeoutMs: -5 } }, /jwks\.timeoutMs is -5/],
  ])('are refused: %s', (_, options, reason) => refused(options, reason));

  it('are not those of somebody who says that plain http is fine', () => {
    jwtAuth({ jwks: { url: 'http://idp.example/k', tls: { insecure: true } } });
    jwtAuth({ jwks: { url: new URL('http://127.0.0.1:1/k') } });
    jwtAuth({ jwks: { url: 'http://[::1]:1/k' } });
  });
});
