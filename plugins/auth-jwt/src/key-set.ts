import type { JsonWebKey } from 'node:crypto';
import { CODE, MicroError } from '@micro/core';
import { authError } from '@micro/core/plugin';
import { fromJwk, type VerifyKey } from './key.ts';

/** A JWK set as RFC 7517 has it. */
export interface JwkSet {
  readonly keys: readonly JsonWebKey[];
}

/** The keys that are accepted now. A set never changes: other keys are another set. */
export interface KeySet {
  /** The keys that may have signed a token with this header, in the order in which they are tried. */
  candidates(algorithm: string, kid: string | undefined): readonly VerifyKey[];
  /** Whether a key has this name. */
  knows(kid: string): boolean;
  /** How many keys there are. */
  readonly size: number;
  /** Why keys were left out, one sentence each. */
  readonly skipped: readonly string[];
}

/** More keys in one set are refused. */
const MOST_KEYS = 100;
/** A token without a `kid` may be anybody's; trying has to end, since whoever sends a bad one makes us work. */
const MOST_TRIES = 8;

/** The set of some keys. */
export function keySet(keys: readonly VerifyKey[], skipped: readonly string[] = []): KeySet {
  const named = new Set(keys.flatMap(({ kid }) => kid ?? []));
  return {
    size: keys.length,
    skipped,
    candidates(algorithm, kid) {
      const isNamed = kid !== undefined && named.has(kid);
      return keys
        .filter((key) => key.algorithms.includes(algorithm))
        .filter((key) => kid === undefined || (isNamed ? key.kid === kid : key.kid === undefined))
        .slice(0, MOST_TRIES);
    },
    knows: (kid) => named.has(kid),
  };
}

/**
 * Reads a JWK set, from its text or as it is. Keys that are not for signatures are left out, and those that are too weak,
 * secret, or of a kind that is not supported, with the reason. Throws 400, naming `what`, for what is no set.
 */
export function readKeySet(given: string | JwkSet, what: string): KeySet {
  const { keys } = typeof given === 'string' ? parse(given, what) : given;
  if (!Array.isArray(keys)) throw authError(CODE.badRequest, `${what} is no JWK set: it has no list of keys`);
  if (keys.length > MOST_KEYS) {
    throw authError(CODE.badRequest, `${what} has ${keys.length} keys: at most ${MOST_KEYS} are read`);
  }
  const skipped: string[] = [];
  const usable = keys.flatMap((jwk: unknown, index): readonly VerifyKey[] => {
    const name = `key ${index} of ${what}`;
    if (typeof jwk !== 'object' || jwk === null) {
      skipped.push(`${name} is not an object`);
      return [];
    }
    if (!isForSignatures(jwk as JsonWebKey)) return [];
    try {
      return [fromJwk(jwk as JsonWebKey, name)];
    } catch (error) {
      if (!(error instanceof MicroError)) throw error;
      skipped.push(error.detail);
      return [];
    }
  });
  return keySet(usable, skipped);
}

function isForSignatures({ use, key_ops: operations }: JsonWebKey): boolean {
  if (use !== undefined && use !== 'sig') return false;
  return !Array.isArray(operations) || operations.includes('verify');
}

function parse(text: string, what: string): { readonly keys?: unknown } {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    // The parser's text would show a part of what it read.
    throw authError(CODE.badRequest, `${what} is no JWK set: it is not JSON`);
  }
  if (typeof value !== 'object' || value === null) {
    throw authError(CODE.badRequest, `${what} is no JWK set: it is not an object`);
  }
  return value;
}
