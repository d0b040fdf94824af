import type { JsonWebKey } from 'node:crypto';
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CODE } from '@micro/core';
import { eventually } from '@micro/core/conformance';
import { afterAll, describe, expect, it } from 'vitest';
import { type JwkSet, jwtAuth } from '../src/index.ts';
import { forge, goClaims, unauthorized } from './forge.ts';
import { ecKey, edKey, rsaKey } from './keys.ts';
import { keepingLogger } from './lines.ts';

const [rsa, ed, ec] = [rsaKey(), edKey(), ecKey()];
const folder = mkdtempSync(join(tmpdir(), 'auth-jwt-jwks-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const rsaToken = (kid?: string) => forge(rsa.privateKey, goClaims(), { kid });
const edToken = (kid?: string) => forge(ed.privateKey, goClaims(), { alg: 'EdDSA', kid });
const ecToken = (kid?: string) => forge(ec.privateKey, goClaims(), { alg: 'ES256', kid });

/** Puts a set in the place of a file, so that nobody sees half of it. */
function write(path: string, keys: JwkSet['keys'] | string): void {
  const text = typeof keys === 'string' ? keys : JSON.stringify({ keys });
  writeFileSync(`${path}.new`, text);
  renameSync(`${path}.new`, path);
}

describe('a JWK set', () => {
  const auth = jwtAuth({ jwks: { keys: [rsa.jwk('r'), ed.jwk('e'), ec.jwk('c')] } });

  it('has several keys of several kinds, and a token names its own', async () => {
    for (const token of [rsaToken('r'), edToken('e'), ecToken('c')])
      expect((await auth.inspect(token)).id).toBe('alice');
  });

  it('takes the fully specified name of Ed25519 for the same as EdDSA', async () => {
    await auth.inspect(forge(ed.privateKey, goClaims(), { alg: 'Ed25519', kid: 'e' }));
    const named = jwtAuth({ jwks: { keys: [ed.jwk('e', { alg: 'Ed25519' })] } });
    await named.inspect(edToken('e'));
  });

  it('is tried through for a token that names no key, as those of go-micro', async () => {
    for (const token of [rsaToken(), edToken(), ecToken()]) expect((await auth.inspect(token)).id).toBe('alice');
    const many = jwtAuth({ jwks: { keys: [edKey(), edKey(), edKey(), ed].map((key, index) => key.jwk(`${index}`)) } });
    await many.inspect(edToken());
  });

  it('is tried with eight keys at most, since whoever sends a bad token makes us work', async () => {
    const keys = [...Array.from({ length: 8 }, () => edKey()), ed].map((key, index) => key.jwk(`${index}`));
    const many = jwtAuth({ jwks: { keys } });
    await unauthorized(many.inspect(edToken()), /no key that is accepted/);
    await many.inspect(edToken('8'));
  });

  it('does not check a token with another key than the one it names', async () => {
    await unauthorized(auth.inspect(rsaToken('e')), /names "RS256" and the key "e"/);
    await unauthorized(auth.inspect(forge(edKey().privateKey, goClaims(), { alg: 'EdDSA', kid: 'e' })), /no key/);
    await unauthorized(auth.inspect(edToken('unknown')), /the key "unknown"/);
  });

  it('may have keys without a name, for the tokens that name none of the others', async () => {
    const mixed = jwtAuth({ jwks: { keys: [ed.jwk(), rsa.jwk('r')] } });
    await mixed.inspect(edToken('unknown'));
    await mixed.inspect(edToken());
    await unauthorized(mixed.inspect(edToken('r')), /no key/);
  });

  it('may say which algorithm a key is for, and then it is for no other', async () => {
    const pss = jwtAuth({ jwks: { keys: [rsa.jwk('r', { alg: 'PS256' })] } });
    await pss.inspect(forge(rsa.privateKey, goClaims(), { alg: 'PS256', kid: 'r' }));
    await unauthorized(pss.inspect(rsaToken('r')), /names "RS256"/);
  });

  it('is used without the keys that cannot be, and the log says why', async () => {
    const { logger, lines } = keepingLogger();
    const keys: JwkSet['keys'] = [
      ed.jwk('e'),
      rsaKey(1_024).jwk('weak'),
      rsa.privateKey.export({ format: 'jwk' }),
      { kty: 'oct', k: 'YWJj' },
      { kty: 'EC', crv: 'P-256', x: 'AA', y: 'AA' },
      { kty: 'new' },
      'no key' as unknown as JsonWebKey,
      ed.jwk('odd', { kid: 7 }),
      rsa.jwk('for-encryption', { use: 'enc' }),
      rsa.jwk('for-signing', { key_ops: ['sign'] }),
    ];
    const some = jwtAuth({ logger, jwks: { keys } });
    await some.inspect(edToken('e'));
    expect(lines.map((line) => line.replace(/cannot be read: .*;/, 'cannot be read;'))).toEqual([
      'warn key 1 of jwks.keys is an RSA key of 1024 bits: it needs 2048 or more; it is not used',
      'warn key 2 of jwks.keys has the member d, which is secret: give the public key; it is not used',
      'warn key 3 of jwks.keys has the member k, which is secret: give the public key; it is not used',
      'warn key 4 of jwks.keys cannot be read; it is not used',
      'warn key 5 of jwks.keys cannot be read; it is not used',
      'warn key 6 of jwks.keys is not an object; it is not used',
      expect.stringContaining('key 7 of jwks.keys has a kid that is not a text'),
    ]);
    await unauthorized(some.inspect(rsaToken('for-encryption')), /no key/);
    await unauthorized(some.inspect(rsaToken('for-signing')), /no key/);
  });

  it('without a key that can be used is refused at the start, and so is one with too many', () => {
    expect(() => jwtAuth({ jwks: { keys: [] } })).toThrow('jwks.keys has no key that can be used');
    expect(() => jwtAuth({ jwks: { keys: [{ kty: 'oct', k: 'YWJj' }] } })).toThrow('has the member k, which is secret');
    expect(() => jwtAuth({ jwks: { keys: Array.from({ length: 101 }, () => ed.jwk()) } })).toThrow('has 101 keys');
    expect(() => jwtAuth({ jwks: { keys: 'x' as unknown as [] } })).toThrow('it has no list of keys');
  });

  it('checks what its own private key signs under its name', async () => {
    const keys = [rsa.jwk('r'), ed.jwk('e')];
    const issuer = jwtAuth({ privateKey: ed.privatePem, keyId: 'e', jwks: { keys } });
    const { secret = '' } = await issuer.generate('alice');
    const { accessToken } = await issuer.token({ id: 'alice', secret });
    expect((await jwtAuth({ jwks: { keys } }).inspect(accessToken)).id).toBe('alice');
  });
});

describe.concurrent('a file with a JWK set', () => {
  it('is read again when it changed: a new key is accepted, and a key that is gone takes its tokens with it', async () => {
    const file = join(folder, 'rotated.json');
    write(file, [rsa.jwk('old')]);
    const auth = jwtAuth({ jwks: { file } });
    await auth.inspect(rsaToken('old'));

    write(file, [rsa.jwk('old'), ed.jwk('new')]);
    // A name that nobody knows makes it look at once.
    expect((await auth.inspect(edToken('new'))).id).toBe('alice');
    expect((await auth.inspect(rsaToken('old'))).id).toBe('alice');

    const remembered = rsaToken('old');
    await auth.inspect(remembered);
    write(file, [ed.jwk('new')]);
    await eventually(() => unauthorized(auth.inspect(remembered), /the key "old"/), { timeoutMs: 10_000 });
    expect((await auth.inspect(edToken('new'))).id).toBe('alice');
  });

  it('may lose all its keys while the program runs, and then nobody is let in', async () => {
    const file = join(folder, 'emptied.json');
    write(file, [rsa.jwk('a')]);
    const auth = jwtAuth({ jwks: { file } });
    await auth.inspect(rsaToken('a'));
    write(file, []);
    await eventually(() => unauthorized(auth.inspect(rsaToken('a')), /no key/), { timeoutMs: 10_000 });
  });

  it('that is spoilt or gone counts as it was, for a bounded time, with one line in the log, and then 503', async () => {
    const { logger, lines } = keepingLogger();
    const file = join(folder, 'spoilt.json');
    write(file, [rsa.jwk('a')]);
    const auth = jwtAuth({ logger, jwks: { file, staleMs: 6_000 } });
    const token = rsaToken('a');
    await auth.inspect(token);
    write(file, '{"keys":[');
    await eventually(
      async () => {
        expect((await auth.inspect(token)).id).toBe('alice');
        expect(lines).toHaveLength(1);
      },
      { timeoutMs: 10_000 },
    );
    expect(lines).toEqual([`warn jwks.file ${file} is no JWK set: it is not JSON; what it held before counts`]);
    rmSync(file);
    await eventually(
      async () =>
        await expect(auth.inspect(token)).rejects.toMatchObject({
          code: CODE.unavailable,
          detail: expect.stringContaining('ENOENT'),
        }),
      { timeoutMs: 15_000 },
    );
    write(file, [rsa.jwk('a')]);
    await eventually(() => auth.inspect(token), { timeoutMs: 10_000 });
    expect(lines.slice(1)).toEqual([`info jwks.file ${file} was read again`]);
  });

  it('has to be there, and to make sense, at the start', () => {
    expect(() => jwtAuth({ jwks: { file: join(folder, 'missing.json') } })).toThrow('ENOENT');
    const empty = join(folder, 'empty.json');
    write(empty, '{"keys":[]}');
    expect(() => jwtAuth({ jwks: { file: empty } })).toThrow('has no key that can be used');
    const long = join(folder, 'long.json');
    write(long, ' '.repeat(1_048_577));
    expect(() => jwtAuth({ jwks: { file: long } })).toThrow('it has 1048577 bytes');
  });
});

describe.concurrent('a file with one key', () => {
  it('is read again when it changed, the private as well as the public one', async () => {
    const [privateKeyFile, publicKeyFile] = [join(folder, 'own.pem'), join(folder, 'own.pub.pem')];
    write(privateKeyFile, rsa.privatePem);
    write(publicKeyFile, rsa.publicPem);
    const issuer = jwtAuth({ privateKeyFile });
    const checker = jwtAuth({ publicKeyFile });
    const { secret = '' } = await issuer.generate('alice');
    const old = (await issuer.token({ id: 'alice', secret })).accessToken;
    await checker.inspect(old);

    write(privateKeyFile, ed.privatePem);
    write(publicKeyFile, ed.publicPem);
    await eventually(
      async () => {
        await unauthorized(checker.inspect(old), /no key/);
        await unauthorized(issuer.inspect(old), /no key/);
      },
      { timeoutMs: 10_000 },
    );
    const account = await issuer.generate('alice');
    const { accessToken } = await issuer.token({ id: 'alice', secret: account.secret });
    expect((await checker.inspect(accessToken)).id).toBe('alice');
  });
});
