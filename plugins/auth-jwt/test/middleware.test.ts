import {
  type Auth,
  authCall,
  authHandler,
  CODE,
  createService,
  memoryRegistry,
  memoryRules,
  silentLogger,
} from '@micro/core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { jwtAuth } from '../src/index.ts';
import { forge, goClaims, inSeconds } from './forge.ts';
import { edKey, rsaKey } from './keys.ts';

const key = rsaKey();

/* Whoever issues has the private key, the service that is called the public one only. */
describe.each<[string, Auth, Auth]>([
  ["go-micro's claims", jwtAuth({ privateKey: key.privateBase64 }), jwtAuth({ publicKey: key.publicBase64 })],
  [
    'strict claims',
    jwtAuth({ privateKey: key.privatePem, claims: 'strict', audience: 'greeter' }),
    jwtAuth({ publicKey: key.publicPem, claims: 'strict', audience: 'greeter' }),
  ],
])('a service that checks tokens with %s', (name, issuer, checker) => {
  const registry = memoryRegistry();
  const logger = silentLogger();
  const rules = memoryRules({
    rules: [
      {
        id: 'staff-greet',
        scope: 'staff',
        resource: { type: 'service', name: 'greeter', endpoint: 'Greeter.Hello' },
        access: 'granted',
        priority: 0,
      },
    ],
  });
  const service = createService({
    name: 'greeter',
    registry,
    logger,
    server: { address: '127.0.0.1:0', middleware: [authHandler({ service: 'greeter', auth: checker, rules })] },
  });
  service.server.handle('Greeter', {
    hello: async (_request: unknown, ctx) => ({ msg: `Hello ${ctx.account?.id}` }),
  });
  beforeAll(() => service.start());
  afterAll(() => service.stop());

  const call = { service: 'greeter', endpoint: 'Greeter.Hello' };

  async function as(id: string, secret: string | undefined, ttlMs?: number): Promise<unknown> {
    await using caller = createService({
      name: 'caller',
      registry,
      logger,
      client: { middleware: [authCall({ auth: issuer, id, secret, ttlMs })] },
    });
    return await caller.client.call(call);
  }

  async function sending(token: string): Promise<unknown> {
    await using caller = createService({ name: 'caller', registry, logger });
    return await caller.client.call(call, { metadata: { authorization: `Bearer ${token}` } });
  }

  it('knows who calls, and lets those pass whom a rule lets pass', async () => {
    const { secret } = await issuer.generate('alice', { scopes: ['staff'] });
    expect(await as('alice', secret)).toEqual({ msg: 'Hello alice' });
    const bob = await issuer.generate('bob');
    await expect(as('bob', bob.secret)).rejects.toMatchObject({ code: CODE.forbidden });
  });

  it('lets nobody pass without a token, with one that ran out, or with one of another key', async () => {
    await using caller = createService({ name: 'caller', registry, logger });
    await expect(caller.client.call(call)).rejects.toMatchObject({ code: CODE.unauthorized });
    const strict = name === 'strict claims' ? { aud: 'greeter', jti: '1', iat: inSeconds(-90) } : {};
    const header = { typ: name === 'strict claims' ? 'at+jwt' : 'JWT' };
    const late = forge(key.privateKey, goClaims({ ...strict, exp: inSeconds(-30) }), header);
    await expect(sending(late)).rejects.toMatchObject({
      code: CODE.unauthorized,
      detail: expect.stringContaining('it ran out'),
    });
    const foreign = forge(edKey().privateKey, goClaims(strict), { ...header, alg: 'EdDSA' });
    await expect(sending(foreign)).rejects.toMatchObject({ code: CODE.unauthorized });
    await expect(as('alice', 'guessed')).rejects.toMatchObject({ code: CODE.unauthorized });
  });

  it('goes on being called by a caller whose tokens are renewed', async () => {
    const { secret } = await issuer.generate('alice', { scopes: ['staff'] });
    let asked = 0;
    const counting: Auth = {
      ...issuer,
      token: (options) => {
        asked++;
        return issuer.token(options);
      },
    };
    await using caller = createService({
      name: 'caller',
      registry,
      logger,
      client: { middleware: [authCall({ auth: counting, id: 'alice', secret, ttlMs: 3_000 })] },
    });
    const end = performance.now() + 20_000;
    while (asked < 3 && performance.now() < end) {
      expect(await caller.client.call(call)).toEqual({ msg: 'Hello alice' });
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    expect(asked).toBeGreaterThanOrEqual(3);
  });
});
