import { authCases, runConformance } from '@micro/core/conformance';
import { describe, test } from 'vitest';
import { jwtAuth } from '../src/index.ts';
import { ecKey, edKey, rsaKey } from './keys.ts';

const rsa = rsaKey();
const ed = edKey();
const ec = ecKey();

describe.concurrent("jwtAuth with go-micro's keys and claims conforms", () => {
  runConformance({
    test,
    cases: authCases,
    world: () => ({
      create: () => jwtAuth({ privateKey: rsa.privateBase64, publicKey: rsa.publicBase64 }),
    }),
  });
});

describe.concurrent('jwtAuth with strict claims and Ed25519 conforms', () => {
  runConformance({
    test,
    cases: authCases,
    world: () => ({ create: () => jwtAuth({ privateKey: ed.privatePem, claims: 'strict' }) }),
  });
});

describe.concurrent('jwtAuth with ES256 and a JWK set conforms', () => {
  runConformance({
    test,
    cases: authCases,
    world: () => ({
      create: () => jwtAuth({ privateKey: ec.privatePem, keyId: 'a', jwks: { keys: [edKey().jwk('b'), ec.jwk('a')] } }),
    }),
  });
});
