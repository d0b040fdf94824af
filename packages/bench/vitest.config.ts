import { testConfig } from '../../.ci/vitest.base.ts';

export default testConfig({ testTimeout: 400_000 });
