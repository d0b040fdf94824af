import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import * as servers from '../src/index.ts';
import { named } from './kinds.ts';

const page = readFileSync(new URL('../README.md', import.meta.url), 'utf8');
const missing = servers.missingServer('redis');

test.skipIf(missing !== undefined)(
  named('the first program of the README runs, and ends by itself', missing),
  async () => {
    const [, code = ''] = /^```ts\n([\s\S]*?)^```$/m.exec(page) ?? [];
    const program = spawn(process.execPath, ['--input-type=module', '-e', code], {
      cwd: join(import.meta.dirname, '..'),
    });
    let said = '';
    program.stdout.setEncoding('utf8').on('data', (chunk: string) => {
      said += chunk;
    });
    // What it said last may be read only after its end.
    const [status] = (await once(program, 'close')) as [number];
    expect(said).toMatch(/^redis:\/\/127\.0\.0\.1:\d+\n$/);
    expect(status).toBe(0);
  },
);

test('the README has each function that starts a server, and no other', () => {
  const exported = Object.keys(servers).filter((name) => name.startsWith('start'));
  const rows = [...page.matchAll(/^\| `(start\w+)` \|/gm)].map(([, name]) => name);
  expect(rows.sort()).toEqual(exported.sort());
});
