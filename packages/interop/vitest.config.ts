import { testConfig } from '../../.ci/vitest.base.ts';

// More than what a test waits for, so that it says what did not come.
export default testConfig({ globalSetup: ['test/global-setup.ts'], testTimeout: 90_000, hookTimeout: 90_000 });
