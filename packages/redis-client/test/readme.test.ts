import { readFileSync } from 'node:fs';
import { format } from 'node:util';
import { missingServer, startRedis } from '@micro/test-servers';
import { afterEach, describe, expect, test, vi } from 'vitest';

const missing = missingServer('redis');

describe.skipIf(missing !== undefined)(`the README${missing === undefined ? '' : ` (skipped: ${missing})`}`, () => {
  afterEach(() => {
    vi.restoreAllMocks();
    vi.unstubAllEnvs();
  });

  test('its example is the one that is compiled here, and prints what it says', async () => {
    const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');
    const [, code, output] = /^```ts\n(.*?)^```\n+```text\n(.*?)^```$/ms.exec(readme) ?? [];
    expect(code).toBe(readFileSync(new URL('example.ts', import.meta.url), 'utf8'));
    await using server = await startRedis();
    vi.stubEnv('REDIS_URL', server.url);
    const lines: string[] = [];
    vi.spyOn(console, 'log').mockImplementation((...values: unknown[]) => void lines.push(`${format(...values)}\n`));
    await import('./example.ts');
    expect(lines.join('')).toBe(output);
  });
});
