import type { Account, Resource, Rule, Rules } from '../contract/auth.ts';
import { CODE } from '../error/code.ts';
import { authError, shown } from './auth-error.ts';

/** What memory rules may take. */
export interface MemoryRulesOptions {
  /** What is granted from the beginning. Default: nothing, so that everything is denied. */
  readonly rules?: readonly Rule[] | undefined;
  /** How many rules there may be. One more is refused with 429. Default 10,000; 0 is no limit. */
  readonly maxRules?: number | undefined;
}

/** A rule in the form in which it is compared: everything in lower case. */
interface Prepared {
  readonly scope: string;
  readonly type: string;
  readonly name: string;
  readonly endpoint: string;
  readonly access: Rule['access'];
}

const MOST_RULES = 10_000;
/** Resources for which the relevant rules are remembered. */
const MOST_REMEMBERED = 1_000;
const ANYTHING = '*';
const ANY_ACCOUNT = '*';
const EVERYBODY = '';

/**
 * Rules that live in this process, decided as go-micro decides them (see `verifyRules`). A rule with an id that is there
 * already takes that rule's place; revoking goes by the id, and revoking what is not there does nothing.
 *
 * `grant` throws 400 for a rule that is not whole, where go-micro crashes later.
 */
export function memoryRules({ rules = [], maxRules = MOST_RULES }: MemoryRulesOptions = {}): Rules {
  const granted = new Map<string, Rule>();
  let sorted: readonly Prepared[] | undefined;
  const relevant = new Map<string, readonly Prepared[]>();

  const changed = (): void => {
    sorted = undefined;
    relevant.clear();
  };

  const grant = (given: Rule): void => {
    const rule = checked(given);
    if (maxRules > 0 && granted.size >= maxRules && !granted.has(rule.id)) {
      throw authError(CODE.tooManyRequests, `there are ${maxRules} rules already: raise maxRules`);
    }
    granted.set(rule.id, rule);
    changed();
  };

  const relevantTo = (resource: Resource): readonly Prepared[] => {
    const { type, name, endpoint } = resource;
    // With the lengths in it no two resources have one key, whatever is in their names.
    const key = `${type.length}:${name.length}:${type}${name}${endpoint}`;
    let found = relevant.get(key);
    if (found === undefined) {
      sorted ??= prepare([...granted.values()]);
      found = relevantRules(sorted, resource);
      if (relevant.size >= MOST_REMEMBERED) relevant.clear();
      relevant.set(key, found);
    }
    return found;
  };

  for (const rule of rules) grant(rule);

  return {
    async grant(rule) {
      grant(rule);
    },
    async revoke({ id }) {
      if (granted.delete(id)) changed();
    },
    async list() {
      return [...granted.values()];
    },
    async verify(account, resource) {
      decide(relevantTo(resource), account, resource);
    },
  };
}

/**
 * Decides about one access as go-micro's `auth.Verify` does, for plugins that keep rules elsewhere. Throws 403 unless a rule
 * grants it.
 *
 * 1. A rule is relevant when its type, its name and its endpoint are those of the resource or `*`. Where the endpoint is a
 *    path, `/foo/*` is all that is below `/foo`, and `/foo` itself. Upper and lower case are the same.
 * 2. Of the relevant rules that apply to the account, the one with the highest priority decides; among equals the first.
 *    Scope `''` applies to everybody, `*` to any account, anything else to the accounts that have this scope.
 * 3. Where no rule applies, access is denied.
 */
export function verifyRules(rules: readonly Rule[], account: Account | undefined, resource: Resource): void {
  decide(relevantRules(prepare(rules.map(checked)), resource), account, resource);
}

function decide(relevant: readonly Prepared[], account: Account | undefined, resource: Resource): void {
  const scopes = account?.scopes.map((scope) => scope.toLowerCase());
  const decisive = relevant.find(
    ({ scope }) => scope === EVERYBODY || (scopes !== undefined && (scope === ANY_ACCOUNT || scopes.includes(scope))),
  );
  if (decisive?.access === 'granted') return;
  const who = account === undefined ? 'whoever has no account' : `account ${shown(account.id)}`;
  const what = [resource.type, resource.name, resource.endpoint].map((part) => part.slice(0, 80)).join(' ');
  throw authError(CODE.forbidden, `resource forbidden: ${who} may not access ${what}; ask for a rule that grants it`);
}

/** In the order in which they decide. */
function prepare(rules: readonly Rule[]): readonly Prepared[] {
  return [...rules]
    .sort((a, b) => b.priority - a.priority)
    .map(({ scope, resource, access }) => ({
      scope: scope.toLowerCase(),
      type: resource.type.toLowerCase(),
      name: resource.name.toLowerCase(),
      endpoint: resource.endpoint.toLowerCase(),
      access,
    }));
}

function relevantRules(sorted: readonly Prepared[], resource: Resource): readonly Prepared[] {
  const type = resource.type.toLowerCase();
  const name = resource.name.toLowerCase();
  const endpoint = resource.endpoint.toLowerCase();
  return sorted.filter(
    (rule) =>
      (rule.type === ANYTHING || rule.type === type) &&
      (rule.name === ANYTHING || rule.name === name) &&
      coversEndpoint(rule.endpoint, endpoint),
  );
}

function coversEndpoint(pattern: string, endpoint: string): boolean {
  if (pattern === ANYTHING || pattern === endpoint) return true;
  return pattern.endsWith('/*') && endpoint.includes('/') && `${endpoint}/`.startsWith(pattern.slice(0, -1));
}

/** A copy of a rule that is whole; rules come from files and forms, so their types are not taken for granted. */
function checked(rule: Rule): Rule {
  const { id, scope, resource, access, priority } = rule;
  const fault =
    (typeof id !== 'string' || id === '' ? 'an id' : undefined) ??
    (typeof scope !== 'string' ? 'a scope' : undefined) ??
    (![resource?.type, resource?.name, resource?.endpoint].every((part) => typeof part === 'string' && part !== '')
      ? 'a resource with type, name and endpoint'
      : undefined) ??
    (access !== 'granted' && access !== 'denied' ? "an access of 'granted' or 'denied'" : undefined) ??
    (!Number.isFinite(priority) ? 'a priority that is a number' : undefined);
  if (fault !== undefined) throw authError(CODE.badRequest, `rule ${shown(id)} needs ${fault}`);
  const { type, name, endpoint } = resource;
  return Object.freeze({ id, scope, resource: Object.freeze({ type, name, endpoint }), access, priority });
}
