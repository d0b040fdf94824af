import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const MAIN = fileURLToPath(new URL('../dist/main.js', import.meta.url));

const OUTPUT = [
  'nobody: {"status":"fine"}',
  'nobody: 401 Greeter.Hello needs an account: send Authorization: Bearer <token>',
  'nobody: 401 the token is not valid: get a new one',
  'bob: {"msg":"Hello bob"}',
  'bob: 403 resource forbidden: account "bob" may not access service greeter Greeter.Change; ask for a rule that grants it',
  'alice: {"msg":"alice says Good morning"}',
  'bob: {"msg":"Good morning bob"}',
  'alice, when it is closed: 403 resource forbidden: account "alice" may not access service greeter Greeter.Hello; ask for a rule that grants it',
  'alice, when it is open again: {"msg":"Good morning alice"}',
  '',
].join('\n');

test('those may call who have an account and a rule, the others are told why not, and nothing is left behind', {
  timeout: 60_000,
}, async () => {
  // A process group of its own shows whether anything of it is left.
  const main = spawn(process.execPath, [MAIN], { env: process.env, detached: true, timeout: 55_000 });
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
