import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const MAIN = fileURLToPath(new URL('../dist/main.js', import.meta.url));

const OUTPUT = [
  'ann and bob read the news',
  'ann and bob packed 1 to 20 between them, each of them some: yes',
  'ann and bob went home, and 5 more orders were placed',
  'ann came back and packed 21 to 25',
  '',
].join('\n');

test('three processes share events, one that is restarted gets what was kept, and nothing is left behind', {
  timeout: 300_000,
}, async () => {
  // A process group of its own shows whether anything of it is left.
  const main = spawn(process.execPath, [MAIN], { env: process.env, detached: true, timeout: 290_000 });
  let stdout = '';
  let stderr = '';
  main.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  main.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  await once(main, 'close');
  expect({ code: main.exitCode, stdout }, stderr).toEqual({ code: 0, stdout: OUTPUT });
  expect(() => process.kill(-Number(main.pid), 0)).toThrow('ESRCH');
});
