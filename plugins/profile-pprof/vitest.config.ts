import { testConfig } from '../../.ci/vitest.base.ts';

export default testConfig({ globalSetup: ['test/global-setup.ts'], testTimeout: 60_000, hookTimeout: 60_000 });
