import { testConfig } from '../../.ci/vitest.base.ts';

// Each test starts programs, npm among them, which take seconds on a machine that is busy.
export default testConfig({ testTimeout: 180_000, hookTimeout: 180_000 });
