import { createService, memoryAuth, memoryRegistry, memoryRules, silentLogger } from '@micro/core';
import { ask, caller } from './caller.js';
import { greeter } from './greeter.js';

// Accounts live in this process; for several processes there is a plugin, such as @micro/auth-jwt.
const auth = memoryAuth();
const alice = await auth.generate('alice', { scopes: ['admin'] });
const bob = await auth.generate('bob');

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
await using service = greeter(registry, auth, rules);
await service.start();
await using nobody = createService({ name: 'nobody', registry, logger: silentLogger() });
await using forAlice = caller(registry, auth, 'alice', alice.secret);
await using forBob = caller(registry, auth, 'bob', bob.secret);

// Without an account only what is public answers.
console.log('nobody:', await ask(nobody.client, 'Health'));
console.log('nobody:', await ask(nobody.client, 'Hello'));
console.log('nobody:', await ask(nobody.client, 'Hello', {}, 'made-up'));

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
