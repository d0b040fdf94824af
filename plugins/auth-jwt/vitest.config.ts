import { testConfig } from '../../.ci/vitest.base.ts';

export default testConfig();
