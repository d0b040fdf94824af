import { describe, test } from 'vitest';
import { profileCases } from '../../src/conformance/profile.ts';
import { runConformance } from '../../src/conformance/run.ts';
import { noopProfile } from '../../src/profile/noop-profile.ts';

describe('the noop profile', () => {
  runConformance({ test, cases: profileCases, world: () => ({ create: noopProfile }) });
});
