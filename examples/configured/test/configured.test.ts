import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const MAIN = fileURLToPath(new URL('../dist/main.js', import.meta.url));

test.each([
  [
    'the file alone',
    [],
    {},
    [
      'a call may take 90000 ms, says the greeters',
      "{ msg: 'Hello John.' }",
      "the greeting is now 'Good day'",
      "{ msg: 'Good day John.' }",
    ],
  ],
  [
    'the environment over the file, and flags over both',
    ['--timeout', '2s', '--end', '?'],
    { GREETER_TIMEOUT: '5s', GREETER_END: '!', TEAM: '"quoted": {team}' },
    [
      'a call may take 2000 ms, says "quoted": {team}',
      "{ msg: 'Hello John?' }",
      "the greeting is now 'Good day'",
      "{ msg: 'Good day John?' }",
    ],
  ],
])('it greets as %s says, follows the file, and ends by itself', { timeout: 120_000 }, async (_, args, env, output) => {
  const inherited = Object.entries(process.env).filter(([name]) => !/^(?:GREETER_|TEAM$)/.test(name));
  const main = spawn(process.execPath, [MAIN, ...args], {
    env: { ...Object.fromEntries(inherited), ...env },
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
  expect({ code: main.exitCode, stdout }, stderr).toEqual({ code: 0, stdout: `${output.join('\n')}\n` });
});
