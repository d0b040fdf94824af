import assert from 'node:assert/strict';
import type { Account, Resource, Rule, Rules } from '../contract/auth.ts';
import { CODE } from '../error/code.ts';
import { MicroError } from '../error/micro-error.ts';

/** One private universe of rules. */
export interface RulesWorld {
  /** Rules that nothing was granted to yet. */
  create(): Rules | Promise<Rules>;
  close?(): void | Promise<void>;
}

const ALICE: Account = { id: 'alice', type: 'user', issuer: 'test', metadata: {}, scopes: ['staff', 'Reader'] };
const HELLO: Resource = { type: 'service', name: 'greeter', endpoint: 'Greeter.Hello' };

/** What every rule engine has to do: go-micro's decisions. */
export const rulesCases: Readonly<Record<string, (world: RulesWorld) => Promise<void>>> = {
  'without a rule everything is denied, to everybody': async (world) => {
    const rules = await world.create();
    assert.equal(await decision(rules, undefined), 'denied');
    assert.equal(await decision(rules, ALICE), 'denied');
  },

  'an empty scope is everybody, with or without an account': async (world) => {
    const rules = await world.create();
    await rules.grant(rule({ scope: '' }));
    assert.equal(await decision(rules, undefined), 'granted');
    assert.equal(await decision(rules, ALICE), 'granted');
  },

  'the scope * is any account, and nobody without one': async (world) => {
    const rules = await world.create();
    await rules.grant(rule({ scope: '*' }));
    assert.equal(await decision(rules, undefined), 'denied');
    assert.equal(await decision(rules, { ...ALICE, scopes: [] }), 'granted');
  },

  'any other scope is the accounts that have it, in upper or lower case': async (world) => {
    const rules = await world.create();
    await rules.grant(rule({ scope: 'READER' }));
    assert.equal(await decision(rules, undefined), 'denied');
    assert.equal(await decision(rules, ALICE), 'granted');
    assert.equal(await decision(rules, { ...ALICE, scopes: ['reade', 'readers', 'a reader'] }), 'denied');
  },

  'an account with the scope * or an empty one has not every scope': async (world) => {
    const rules = await world.create();
    await rules.grant(rule({ scope: 'admin' }));
    assert.equal(await decision(rules, { ...ALICE, scopes: ['*', ''] }), 'denied');
  },

  'a rule is about its resource alone, in upper or lower case': async (world) => {
    const rules = await world.create();
    await rules.grant(rule({ scope: '' }));
    const others: readonly Partial<Resource>[] = [
      { name: 'greeters' },
      { name: '' },
      { type: 'topic' },
      { endpoint: 'Greeter.Hello2' },
      { endpoint: 'Greeter.*' },
      { endpoint: '*' },
    ];
    for (const other of others) {
      assert.equal(await decision(rules, ALICE, { ...HELLO, ...other }), 'denied', JSON.stringify(other));
    }
    const upper = { type: 'SERVICE', name: 'GREETER', endpoint: 'GREETER.HELLO' };
    assert.equal(await decision(rules, ALICE, upper), 'granted');
  },

  '* is any type, any name and any endpoint': async (world) => {
    for (const field of ['type', 'name', 'endpoint'] as const) {
      const rules = await world.create();
      const id = `any-${field}`;
      await rules.grant(rule({ id, scope: '', resource: { ...HELLO, [field]: '*' } }));
      assert.equal(await decision(rules, undefined, { ...HELLO, [field]: 'Anything/Else.At.All' }), 'granted', field);
      const revoked = rule({ id });
      await rules.revoke(revoked);
    }
  },

  'a path with * at its end is what is below it, and itself': async (world) => {
    const rules = await world.create();
    await rules.grant(rule({ scope: '', resource: { ...HELLO, endpoint: '/foo/*' } }));
    const expected = {
      '/foo': 'granted',
      '/foo/': 'granted',
      '/foo/bar': 'granted',
      '/FOO/bar/baz': 'granted',
      '/foobar': 'denied',
      '/fo': 'denied',
      '/': 'denied',
      foo: 'denied',
      'foo/bar': 'denied',
    };
    for (const [endpoint, wanted] of Object.entries(expected)) {
      assert.equal(await decision(rules, undefined, { ...HELLO, endpoint }), wanted, endpoint);
    }
  },

  'only a path has something below it': async (world) => {
    const rules = await world.create();
    for (const endpoint of ['Greeter.*', 'Greeter*', '/foo*', '/*']) {
      await rules.grant(rule({ id: endpoint, scope: '', resource: { ...HELLO, endpoint } }));
    }
    assert.equal(await decision(rules, undefined), 'denied');
    assert.equal(await decision(rules, undefined, { ...HELLO, endpoint: '/anything/else' }), 'granted');
  },

  'the rule with the highest priority that applies decides': async (world) => {
    const rules = await world.create();
    await rules.grant(rule({ id: 'all', scope: '', access: 'granted', priority: 1 }));
    await rules.grant(rule({ id: 'no-staff', scope: 'staff', access: 'denied', priority: 2 }));
    assert.equal(await decision(rules, undefined), 'granted');
    assert.equal(await decision(rules, ALICE), 'denied');
    await rules.grant(rule({ id: 'readers', scope: 'reader', access: 'granted', priority: 3 }));
    assert.equal(await decision(rules, ALICE), 'granted');
    await rules.grant(rule({ id: 'nobody', scope: '', access: 'denied', priority: 1_000 }));
    assert.equal(await decision(rules, ALICE), 'denied');
    assert.equal(await decision(rules, undefined), 'denied');
  },

  'priorities can be negative': async (world) => {
    const rules = await world.create();
    await rules.grant(rule({ id: 'low', scope: '', access: 'denied', priority: -1 }));
    await rules.grant(rule({ id: 'high', scope: '', access: 'granted', priority: 0 }));
    assert.equal(await decision(rules, undefined), 'granted');
  },

  'of rules with one priority the first that applies decides': async (world) => {
    const rules = await world.create();
    await rules.grant(rule({ id: 'first', scope: 'admin', access: 'denied' }));
    await rules.grant(rule({ id: 'second', scope: '*', access: 'granted' }));
    await rules.grant(rule({ id: 'third', scope: '', access: 'denied' }));
    assert.equal(await decision(rules, ALICE), 'granted');
    assert.equal(await decision(rules, undefined), 'denied');
  },

  'a rule that is revoked decides nothing any more': async (world) => {
    const rules = await world.create();
    const everybody = rule({ scope: '' });
    await rules.grant(everybody);
    assert.equal(await decision(rules, undefined), 'granted');
    await rules.revoke(everybody);
    assert.equal(await decision(rules, undefined), 'denied');
    assert.deepEqual([...(await rules.list())], []);
  },

  'revoking a rule that is not there does nothing': async (world) => {
    const rules = await world.create();
    await rules.grant(rule({ scope: '' }));
    await rules.revoke(rule({ id: 'another', scope: '' }));
    assert.equal(await decision(rules, undefined), 'granted');
  },

  'the list has what was granted, in that order': async (world) => {
    const rules = await world.create();
    const granted = ['b', 'a', 'c'].map((id, index) => rule({ id, scope: id, priority: index % 2 }));
    for (const one of granted) await rules.grant(one);
    assert.deepEqual(JSON.parse(JSON.stringify(await rules.list())), granted);
  },

  'granting an id again replaces its rule': async (world) => {
    const rules = await world.create();
    await rules.grant(rule({ id: 'a', scope: '', access: 'granted' }));
    await rules.grant(rule({ id: 'a', scope: '', access: 'denied' }));
    assert.equal(await decision(rules, undefined), 'denied');
    assert.equal((await rules.list()).length, 1);
  },

  'a rule that is not whole is a bad request, and decides nothing': async (world) => {
    const rules = await world.create();
    const whole: Record<string, unknown> = { ...rule({ scope: '' }) };
    const faults: readonly Record<string, unknown>[] = [
      { id: '' },
      { scope: null },
      { resource: undefined },
      { resource: { type: 'service', name: 'greeter' } },
      { access: 'perhaps' },
      { priority: Number.NaN },
    ];
    for (const fault of faults) {
      const error = await rules.grant({ ...whole, ...fault } as unknown as Rule).then(
        () => undefined,
        (reason: unknown) => reason,
      );
      assert.ok(error instanceof MicroError, `${JSON.stringify(fault)} should be refused`);
      assert.equal(error.code, CODE.badRequest);
    }
    assert.equal(await decision(rules, ALICE), 'denied');
  },
};

function rule(given: Partial<Rule>): Rule {
  return { id: 'rule', scope: '*', resource: HELLO, access: 'granted', priority: 0, ...given };
}

async function decision(rules: Rules, account: Account | undefined, resource = HELLO): Promise<'granted' | 'denied'> {
  try {
    await rules.verify(account, resource);
    return 'granted';
  } catch (error) {
    assert.ok(error instanceof MicroError, `denied with a MicroError, not ${String(error)}`);
    assert.equal(error.code, CODE.forbidden, error.detail);
    return 'denied';
  }
}
