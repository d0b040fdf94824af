import { spawn } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const MAIN = fileURLToPath(new URL('../dist/main.js', import.meta.url));

const OUTPUT = [
  'nobody: {"status":"fine"}',
  'nobody: 401 Greeter.Hello needs an account: send Authorization: Bearer <token>',
  'nobody: 401 the token is not valid: it is no signed JWT; get a new one',
  'mallory: 401 the token is not valid: no key that is accepted has signed it (it names "RS256"); get a new one',
  'bob: {"msg":"Hello bob"}',
  'bob: 403 resource forbidden: account "bob" may not access service greeter Greeter.Change; ask for a rule that grants it',
  'alice: {"msg":"alice says Good morning"}',
  'bob: {"msg":"Good morning bob"}',
  'alice, when it is closed: 403 resource forbidden: account "alice" may not access service greeter Greeter.Hello; ask for a rule that grants it',
  'alice, when it is open again: {"msg":"Good morning alice"}',
  '',
].join('\n');

/** Runs the example, in a process group of its own, which shows whether anything of it is left. */
async function run(env: NodeJS.ProcessEnv): Promise<string> {
  const { MICRO_AUTH_PRIVATE_KEY: _, MICRO_AUTH_PUBLIC_KEY: __, ...inherited } = process.env;
  const main = spawn(process.execPath, [MAIN], { env: { ...inherited, ...env }, detached: true, timeout: 110_000 });
  let stdout = '';
  let stderr = '';
  main.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  main.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  await once(main, 'close');
  expect(main.exitCode, stderr).toBe(0);
  expect(() => process.kill(-Number(main.pid), 0)).toThrow('ESRCH');
  return stdout;
}

test('those may call who have an account and a rule, the others are told why not, and nothing is left behind', {
  timeout: 120_000,
}, async () => {
  expect(await run({})).toBe(OUTPUT);
});

test("the keys may be those in go-micro's variables", { timeout: 120_000 }, async () => {
  const base64 = (pem: string | Buffer): string => Buffer.from(pem).toString('base64');
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2_048 });
  const stdout = await run({
    MICRO_AUTH_PRIVATE_KEY: base64(privateKey.export({ type: 'pkcs1', format: 'pem' })),
    MICRO_AUTH_PUBLIC_KEY: base64(publicKey.export({ type: 'spki', format: 'pem' })),
  });
  expect(stdout).toBe(OUTPUT);
});
