import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const MAIN = fileURLToPath(new URL('../dist/main.js', import.meta.url));

const OUTPUT = [
  'Hello John',
  '1 + 2 + 3 = 6',
  'counted 0',
  'counted 1',
  'counted 2',
  'echoed 1',
  'echoed 2',
  'echoed 3',
  '',
].join('\n');

test.each([
  ['two processes that find each other over mDNS', {}, []],
  ['one process with the memory registry', { MICRO_REGISTRY: 'memory' }, []],
  ['one process that is told so by a flag', { MICRO_REGISTRY: 'nonsense' }, ['--registry=memory']],
])('%s greet, add, count and echo, and leave nothing behind', { timeout: 120_000 }, async (_, env, flags) => {
  const { MICRO_REGISTRY: _registry, MICRO_REGISTRY_ADDRESS: _address, ...inherited } = process.env;
  // A process group of its own shows whether anything of it is left.
  const main = spawn(process.execPath, [MAIN, ...flags], {
    env: { ...inherited, ...env },
    detached: true,
    timeout: 110_000,
  });
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
