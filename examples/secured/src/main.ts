import { jwtAuth } from '@micro/auth-jwt';
import { createService, memoryRegistry, memoryRules, silentLogger } from '@micro/core';
import { ask, caller } from './caller.js';
import { greeter } from './greeter.js';
import { keyPair } from './key-pair.js';

// Whoever has the private key makes accounts and tokens. The greeter has the public key only: it checks tokens, without asking
// anybody, and could not make one if it were taken over.
const { privateKey, publicKey } = keyPair(process.env);
const issuer = jwtAuth({ privateKey });
const checker = jwtAuth({ publicKey });
const alice = await issuer.generate('alice', { scopes: ['admin'] });
const bob = await issuer.generate('bob');

const everything = { type: 'service', name: 'greeter', endpoint: '*' };
const rules = memoryRules({
  rules: [
    {
      id: 'accounts-greet',
      scope: '*',
      resource: { ...everything, endpoint: 'Greeter.Hello' },
      access: 'granted',
      priority: 0,
    },
    { id: 'admins-do-all', scope: 'admin', resource: everything, access: 'granted', priority: 0 },
  ],
});

const registry = memoryRegistry();
await using service = greeter(registry, checker, rules);
await service.start();
await using nobody = createService({ name: 'nobody', registry, logger: silentLogger() });
await using forAlice = caller(registry, issuer, 'alice', alice.secret);
await using forBob = caller(registry, issuer, 'bob', bob.secret);

// Without an account only what is public answers.
console.log('nobody:', await ask(nobody.client, 'Health'));
console.log('nobody:', await ask(nobody.client, 'Hello'));
console.log('nobody:', await ask(nobody.client, 'Hello', {}, 'made-up'));

// Mallory says that she is Alice, in a token that is right in everything but its key.
const forger = jwtAuth({ privateKey: keyPair({}).privateKey });
const forged = await forger.token(await forger.generate('alice', { scopes: ['admin'] }));
console.log('mallory:', await ask(nobody.client, 'Hello', {}, forged.accessToken));

// With one it depends on the rules.
console.log('bob:', await ask(forBob.client, 'Hello'));
console.log('bob:', await ask(forBob.client, 'Change', { greeting: 'Hey' }));
console.log('alice:', await ask(forAlice.client, 'Change', { greeting: 'Good morning' }));
console.log('bob:', await ask(forBob.client, 'Hello'));

// Rules can change at any time.
const ban = { id: 'closed', scope: '', resource: everything, access: 'denied', priority: 10 } as const;
await rules.grant(ban);
console.log('alice, when it is closed:', await ask(forAlice.client, 'Hello'));
await rules.revoke(ban);
console.log('alice, when it is open again:', await ask(forAlice.client, 'Hello'));
