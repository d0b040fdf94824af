import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { memoryRules, verifyRules } from '../../src/auth/rules.ts';
import { rulesCases } from '../../src/conformance/rules.ts';
import { runConformance } from '../../src/conformance/run.ts';
import type { Account, Resource, Rule } from '../../src/contract/auth.ts';
import { CODE } from '../../src/error/code.ts';

describe('memoryRules conform', () => {
  runConformance({ test, cases: rulesCases, world: () => ({ create: () => memoryRules() }) });
});

const HELLO: Resource = { type: 'service', name: 'greeter', endpoint: 'Greeter.Hello' };

describe('memoryRules', () => {
  it('begin with the rules that they are given', async () => {
    const rules = memoryRules({ rules: [rule({ scope: '' })] });
    await rules.verify(undefined, HELLO);
  });

  it('refuse to begin with a rule that is not whole', () => {
    expect(() => memoryRules({ rules: [rule({ id: '' })] })).toThrow('rule "" needs an id');
  });

  it('refuse more rules than their limit, but not another version of one that is there', async () => {
    const rules = memoryRules({ maxRules: 1 });
    await rules.grant(rule({ id: 'a' }));
    await rules.grant(rule({ id: 'a', access: 'denied' }));
    await expect(rules.grant(rule({ id: 'b' }))).rejects.toMatchObject({ code: CODE.tooManyRequests });
  });

  it('keep a rule as it was granted, whatever its owner does to it', async () => {
    const rules = memoryRules();
    const resource = { ...HELLO };
    const granted = { ...rule({ scope: '', resource }) };
    await rules.grant(granted);
    resource.name = 'another';
    Object.assign(granted, { access: 'denied' });
    await rules.verify(undefined, HELLO);
  });

  it('do not take the answer about one resource for that about another with the same letters', async () => {
    const rules = memoryRules({ rules: [rule({ scope: '', resource: { type: 'ab', name: 'c', endpoint: 'd' } })] });
    await rules.verify(undefined, { type: 'ab', name: 'c', endpoint: 'd' });
    await expect(rules.verify(undefined, { type: 'a', name: 'bc', endpoint: 'd' })).rejects.toThrow('forbidden');
    await expect(rules.verify(undefined, { type: 'ab', name: 'cd', endpoint: '' })).rejects.toThrow('forbidden');
  });

  it('name who is denied what, and shorten it', async () => {
    const rules = memoryRules();
    await expect(rules.verify(undefined, HELLO)).rejects.toThrow(
      'resource forbidden: whoever has no account may not access service greeter Greeter.Hello; ask for a rule that grants it',
    );
    const long = await rules.verify(account('x'.repeat(5_000)), HELLO).catch((error: Error) => error.message);
    expect(long?.length).toBeLessThan(300);
  });
});

const WORDS = ['*', 'service', 'greeter', 'Greeter.Hello', '/foo', '/foo/*', '/foo/bar', '/*', 'SERVICE'];
const resources = fc.record({
  type: fc.constantFrom(...WORDS),
  name: fc.constantFrom(...WORDS),
  endpoint: fc.constantFrom(...WORDS),
});
const ruleSets = fc.uniqueArray(
  fc.record({
    id: fc.string({ minLength: 1, maxLength: 3 }),
    scope: fc.constantFrom('', '*', 'admin', 'Staff'),
    resource: resources,
    access: fc.constantFrom('granted' as const, 'denied' as const),
    priority: fc.integer({ min: -2, max: 2 }),
  }),
  { selector: ({ id }) => id, maxLength: 8 },
);
const accounts = fc.option(
  fc.array(fc.constantFrom('admin', 'staff', '*', '')).map((scopes) => account('a', scopes)),
  { nil: undefined },
);

test('memoryRules and verifyRules decide as the rule of go-micro, written out, decides', async () => {
  await fc.assert(
    fc.asyncProperty(ruleSets, resources, accounts, async (rules, resource, who) => {
      const expected = writtenOut(rules, who, resource);
      const kept = memoryRules({ rules });
      for (let times = 0; times < 2; times++) {
        const answer = await kept.verify(who, resource).then(
          () => true,
          () => false,
        );
        expect(answer).toBe(expected);
      }
      let verified = true;
      try {
        verifyRules(rules, who, resource);
      } catch {
        verified = false;
      }
      expect(verified).toBe(expected);
    }),
    { numRuns: 500 },
  );
});

/** Step by step: what is relevant, in which order, and what applies. */
function writtenOut(rules: readonly Rule[], who: Account | undefined, resource: Resource): boolean {
  const lower = (text: string): string => text.toLowerCase();
  const endpoints = ['*', lower(resource.endpoint)];
  if (resource.endpoint.includes('/')) {
    const parts = lower(resource.endpoint).split('/');
    for (let count = 1; count <= parts.length; count++) endpoints.push(`${parts.slice(0, count).join('/')}/*`);
  }
  const relevant = rules
    .map((one, index) => ({ ...one, index }))
    .filter(({ resource: { type } }) => ['*', lower(resource.type)].includes(lower(type)))
    .filter(({ resource: { name } }) => ['*', lower(resource.name)].includes(lower(name)))
    .filter(({ resource: { endpoint } }) => endpoints.includes(lower(endpoint)))
    .sort((a, b) => b.priority - a.priority || a.index - b.index);
  for (const { scope, access } of relevant) {
    if (scope === '') return access === 'granted';
    if (who === undefined) continue;
    if (scope === '*') return access === 'granted';
    if (who.scopes.some((held) => lower(held) === lower(scope))) return access === 'granted';
  }
  return false;
}

function rule(given: Partial<Rule>): Rule {
  return { id: 'rule', scope: '*', resource: HELLO, access: 'granted', priority: 0, ...given };
}

function account(id: string, scopes: readonly string[] = []): Account {
  return { id, type: '', issuer: '', metadata: {}, scopes };
}
