import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { type Auth, CODE, type Flags, initService, MicroError } from '@micro/core';
import { afterAll, describe, expect, it } from 'vitest';
import { jwtAuth, plugin } from '../src/index.ts';
import { forge, goClaims } from './forge.ts';
import { jwksServer } from './jwks-server.ts';
import { edKey, rsaKey } from './keys.ts';

const key = rsaKey();
const folder = mkdtempSync(join(tmpdir(), 'auth-jwt-plugin-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const token = forge(key.privateKey, goClaims());

async function made(flags: Flags): Promise<Auth> {
  return plugin.create(flags, {});
}

function file(name: string, text: string): string {
  writeFileSync(join(folder, name), text);
  return join(folder, name);
}

describe('the manifest', () => {
  it('says what it is', () => {
    expect(plugin).toMatchObject({ api: 1, kind: 'auth', name: 'jwt' });
  });

  it('is found by the name of a flag, and go-micro’s flags make a provider that reads go-micro’s tokens', async () => {
    const service = await initService(
      { name: 'greeter', server: { address: '127.0.0.1:0' } },
      {
        argv: ['--registry=memory', '--auth=jwt', '--auth_namespace=go.micro'],
        env: { MICRO_AUTH_PUBLIC_KEY: key.publicBase64, MICRO_AUTH_PRIVATE_KEY: key.privateBase64 },
        project: import.meta.dirname,
      },
    );
    const { auth } = service.components;
    expect(auth?.name).toBe('jwt');
    expect((await auth?.inspect(token))?.id).toBe('alice');
    const account = await auth?.generate('bob');
    expect((await jwtAuth({ publicKey: key.publicPem }).inspect(account?.secret ?? '')).issuer).toBe('go.micro');
    await service.stop();
  });

  it('takes the public key as base64, PEM, JWK, file, URL of a file, file with a set, and URL of a set', async () => {
    await using server = await jwksServer([key.jwk('a')]);
    const pem = file('public.pem', key.publicPem);
    const set = file('set.json', JSON.stringify({ keys: [key.jwk('a')] }));
    const forms = [
      key.publicBase64,
      key.publicPem,
      JSON.stringify(key.jwk()),
      pem,
      pathToFileURL(pem).href,
      set,
      server.url,
    ];
    for (const form of [...forms, pathToFileURL(set).href]) {
      const auth = await made({ auth: 'jwt', auth_public_key: form });
      expect((await auth.inspect(token)).id, form.slice(0, 30)).toBe('alice');
    }
  });

  it('takes the private key as base64, PEM, JWK and file', async () => {
    const pem = file('private.pem', key.privatePem);
    const jwk = JSON.stringify(key.privateKey.export({ format: 'jwk' }));
    for (const form of [key.privateBase64, key.privatePem, jwk, pem, pathToFileURL(pem).href]) {
      const auth = await made({ auth_private_key: form, auth_namespace: 'acme' });
      expect((await auth.generate('bob')).issuer, form.slice(0, 30)).toBe('acme');
      const { secret } = await auth.generate('bob');
      expect((await auth.token({ id: 'bob', secret })).accessToken).not.toBe('');
    }
  });

  it('leaves auth_id and auth_secret to the code that calls others', async () => {
    await made({ auth_public_key: key.publicBase64, auth_id: 'me', auth_secret: 'x' });
  });

  it.each<[string, Flags, RegExp]>([
    ['no key', {}, /needs a key: give --auth_public_key \(MICRO_AUTH_PUBLIC_KEY\)/],
    ['no such file', { auth_public_key: './nowhere.pem' }, /cannot read publicKeyFile \.\/nowhere\.pem: ENOENT/],
    ['no such set', { auth_public_key: '/nowhere/set.json' }, /cannot read jwks\.file/],
    ['a bad URL of a file', { auth_public_key: 'file://host:x' }, /is not a URL of a file/],
    ['a file of another machine', { auth_public_key: 'file://host/key.pem' }, /is not a URL of a file/],
    ['a URL that is badly encoded', { auth_public_key: 'file:///%zz' }, /is not a URL of a file/],
    ['a word', { auth_public_key: 'key' }, /publicKey is neither PEM, nor base64 of PEM, nor a JWK/],
    ['plain http', { auth_public_key: 'http://idp.example/keys' }, /is not https:/],
    [
      'two keys that do not fit',
      { auth_private_key: key.privateBase64, auth_public_key: edKey().publicBase64 },
      /belong/,
    ],
  ])('refuses %s', async (_, flags, reason) => {
    const error = await made(flags).catch((cause: unknown) => cause);
    expect(error).toBeInstanceOf(MicroError);
    expect(error).toMatchObject({ code: CODE.badRequest, detail: expect.stringMatching(reason) });
  });
});

describe('a program', () => {
  it('that fetched its keys ends by itself, while their server would go on', { timeout: 60_000 }, async () => {
    await using server = await jwksServer([key.jwk('a')]);
    const program = `
      import { jwtAuth } from '@micro/auth-jwt';
      const auth = jwtAuth({ jwks: { url: process.env.KEYS } });
      console.log((await auth.inspect(process.env.TOKEN)).id);`;
    const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
      cwd: import.meta.dirname,
      env: { ...process.env, KEYS: server.url, TOKEN: token },
      stdio: ['ignore', 'pipe', 'inherit'],
      timeout: 50_000,
    });
    let stdout = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
    });
    await once(child, 'close');
    expect({ code: child.exitCode, stdout }).toEqual({ code: 0, stdout: 'alice\n' });
  });
});
