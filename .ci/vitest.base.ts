import { defineConfig, type ViteUserConfig } from 'vitest/config';

/** How the tests of a package run: two files at a time, and none for ever. What a package needs besides comes on top. */
export function testConfig(besides: NonNullable<ViteUserConfig['test']> = {}): ViteUserConfig {
  return defineConfig({
    test: {
      include: ['test/**/*.test.ts'],
      testTimeout: 30_000,
      hookTimeout: 30_000,
      maxWorkers: 2,
      ...besides,
    },
  });
}
