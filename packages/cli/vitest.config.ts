import { testConfig } from '../../.ci/vitest.base.ts';

// A test starts up to ten programs, one after the other, and each may take seconds on a machine that is busy.
export default testConfig({ testTimeout: 180_000, hookTimeout: 180_000 });
