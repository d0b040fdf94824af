import { randomUUID } from 'node:crypto';
import type { Account } from '@micro/core';

/** What a token is for. With go-micro's claims nobody can tell one from the other. */
export type Purpose = 'access' | 'refresh' | 'secret';

/** What a token says, and what is demanded of it. */
export interface ClaimRules {
  /** With strict claims a token says what it is for, and has to have `iat`, `jti` and `aud`. */
  readonly strict: boolean;
  /** Whose tokens are accepted; `any` is everybody's. */
  readonly issuers: ReadonlySet<string> | 'any';
  /** Whether a token without an issuer is accepted too, as Go writes it when it has no namespace. */
  readonly withoutIssuer: boolean;
  /** Whom tokens are for: written into them and demanded of them. `undefined`: nobody looks. */
  readonly audience: string | undefined;
  readonly toleranceMs: number;
}

/** What a token turned out to be; or, as a text, why it is refused. */
export type Reading = { readonly account: Account; readonly expiresAtMs: number } | string;

/** The `typ` of each purpose with strict claims: RFC 9068 for access tokens, the others after its pattern. */
const TYPES: Readonly<Record<Purpose, string>> = {
  access: 'at+jwt',
  refresh: 'refresh+jwt',
  secret: 'secret+jwt',
};
const GO_TYPE = 'JWT';

/** The `typ` in the header of a token. */
export function typeOf(purpose: Purpose, { strict }: ClaimRules): string {
  return strict ? TYPES[purpose] : GO_TYPE;
}

/** Whether a token with this `typ` may be used for this. A media type may be written with `application/` (RFC 7515). */
export function fitsPurpose(type: unknown, purpose: Purpose, { strict }: ClaimRules): boolean {
  if (!strict) return true;
  if (typeof type !== 'string') return false;
  return type.toLowerCase().replace(/^application\//, '') === TYPES[purpose];
}

/**
 * The claims of an account, in go-micro's order: `type`, `scopes`, `metadata` always, whole seconds, `iss` where there is
 * one. go-micro's have neither `iat` (a Go peer whose clock is behind would refuse them) nor a list of audiences (which Go
 * does not read).
 */
export function writeClaims(account: Account, expiresAtS: number, { strict, audience }: ClaimRules): string {
  return JSON.stringify({
    type: account.type,
    scopes: account.scopes,
    metadata: ownText(account.metadata),
    ...(audience === undefined ? {} : { aud: audience }),
    exp: expiresAtS,
    ...(strict ? { jti: randomUUID(), iat: Math.floor(Date.now() / 1_000) } : {}),
    ...(account.issuer === '' ? {} : { iss: account.issuer }),
    sub: account.id,
  });
}

/** Reads the claims of a token whose signature is right. Whatever is odd about them is a reason to refuse it. */
export function readClaims(claims: Readonly<Record<string, unknown>>, rules: ClaimRules, nowMs: number): Reading {
  const { sub, iss, exp } = claims;
  const odd = oddTime(claims, rules, nowMs) ?? oddIssuer(iss, rules) ?? oddAudience(claims.aud, rules);
  if (odd !== undefined) return odd;
  if (typeof exp !== 'number') return 'it has no end';
  if (typeof sub !== 'string' || sub === '') return 'it names no account';
  if (rules.strict && (typeof claims.jti !== 'string' || claims.jti === '')) return 'it has no id';
  const type = claims.type ?? '';
  const scopes = readScopes(claims, rules);
  const metadata = readMetadata(claims.metadata ?? {});
  if (typeof type !== 'string') return 'its type is not a text';
  if (scopes === undefined) return 'its scopes are not a list of texts';
  if (metadata === undefined) return 'its metadata are not texts by name';
  const account: Account = Object.freeze({
    id: sub,
    type,
    issuer: typeof iss === 'string' ? iss : '',
    metadata: Object.freeze(metadata),
    scopes: Object.freeze(scopes),
  });
  return { account, expiresAtMs: exp * 1_000 + rules.toleranceMs };
}

/** RFC 7519 sections 4.1.4 to 4.1.6. go-micro looks at `iat` as at `nbf`. */
function oddTime({ exp, nbf, iat }: Readonly<Record<string, unknown>>, rules: ClaimRules, nowMs: number) {
  const { toleranceMs, strict } = rules;
  if (typeof exp !== 'number') return 'it has no end';
  if (nowMs >= exp * 1_000 + toleranceMs) return `it ran out at ${shownTime(exp)}`;
  if (strict && typeof iat !== 'number') return 'it does not say when it was made';
  for (const from of [nbf, iat]) {
    if (from === undefined || from === null) continue;
    if (typeof from !== 'number') return 'the time from which it is valid is not a number';
    if (nowMs < from * 1_000 - toleranceMs) return `it is not valid before ${shownTime(from)}`;
  }
  return undefined;
}

function oddIssuer(iss: unknown, { issuers, withoutIssuer }: ClaimRules): string | undefined {
  const isNone = iss === undefined || iss === null || iss === '';
  if (isNone) return withoutIssuer || issuers === 'any' ? undefined : 'it has no issuer';
  if (typeof iss !== 'string') return 'its issuer is not a text';
  if (issuers === 'any' || issuers.has(iss)) return undefined;
  return `its issuer is ${shown(iss)}, and not ${[...issuers].join(' or ')}`;
}

function oddAudience(aud: unknown, { audience }: ClaimRules): string | undefined {
  if (audience === undefined) return undefined;
  const meant: readonly unknown[] = Array.isArray(aud) ? aud : [aud];
  return meant.includes(audience) ? undefined : `it is not meant for ${audience}`;
}

/** A list; with strict claims also a text with blanks in between, as other issuers write it (RFC 8693 section 4.2). */
function readScopes({ scopes, scope }: Readonly<Record<string, unknown>>, { strict }: ClaimRules) {
  if (scopes === undefined && strict && typeof scope === 'string') return scope.split(' ').filter((one) => one !== '');
  const list = scopes ?? [];
  const isList = Array.isArray(list) && list.every((one) => typeof one === 'string');
  return isList ? (list as readonly string[]) : undefined;
}

function readMetadata(value: unknown): Record<string, string> | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  if (!Object.values(value).every((one) => typeof one === 'string')) return undefined;
  return ownText(value as Record<string, string>);
}

/** A copy in which a name such as `__proto__` is a name, sorted as Go writes a map. */
function ownText(values: Readonly<Record<string, string>>): Record<string, string> {
  const copy: Record<string, string> = Object.create(null);
  for (const key of Object.keys(values).sort()) copy[key] = values[key] ?? '';
  return copy;
}

function shownTime(seconds: number): string {
  const date = new Date(seconds * 1_000);
  return Number.isNaN(date.getTime()) ? String(seconds) : date.toISOString();
}

function shown(value: string): string {
  return JSON.stringify(value.slice(0, 80));
}
