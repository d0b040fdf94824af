import { rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { MicroError } from '@micro/core';
import { expect, onTestFinished, test } from 'vitest';
import { reportError } from '../src/program/report.ts';
import type { Terminal } from '../src/program/terminal.ts';
import { runHere, runMicro } from './support.ts';

test('help and the version go to stdout, and are no failure', async () => {
  for (const args of [['--help'], ['help', 'call'], ['call', '--help'], ['store', 'read', '-h']]) {
    const { stdout, stderr, code } = await runHere(args);
    expect({ stderr, code }).toEqual({ stderr: '', code: 0 });
    expect(stdout).toMatch(/^Usage: micro/);
  }
  expect((await runMicro(['--version'])).stdout).toMatch(/^micro \d+\.\d+\.\d+\n$/);
});

test('the help of the program lists every flag of a micro service, and that of a command does not', async () => {
  const { stdout } = await runHere(['--help']);
  for (const flag of ['--registry ', '--store_address', '--auth_private_key', 'MICRO_DEBUG_PROFILE']) {
    expect(stdout).toContain(flag);
  }
  expect((await runHere(['call', '--help'])).stdout).not.toContain('--store_address');
});

test.each([
  [['cal'], "unknown command 'cal' (Did you mean call?)"],
  [['store', 'raed', 'x'], "unknown command 'raed' (Did you mean read?)"],
  [['call', 'a', 'b', '--adress', 'x'], "unknown option '--adress' (Did you mean --address?)"],
  [['call', 'a'], "missing required argument 'endpoint'"],
  [['services', 'x'], 'too many arguments'],
  [['services', '-o', 'xml'], 'unknown output format "xml": use text, json, ndjson, yaml'],
  [['services', '--client_retries', 'many'], '--client_retries'],
  [['services', '--env-file', 'no-such-file'], '--env-file "no-such-file" cannot be read'],
])('micro %j is a usage error: %s', async (args, said) => {
  const { stdout, stderr, code } = await runHere(args);
  expect({ stdout, code }).toEqual({ stdout: '', code: 2 });
  expect(stderr).toContain(said);
});

test('a flag may stand before the command or after it, in either spelling, and its value may look like a command', async () => {
  const unknown = expect.stringContaining('unknown registry "call"');
  for (const args of [
    ['--registry', 'call', 'services'],
    ['services', '--registry=call'],
    ['-registry', 'call', 'services'],
    ['--quiet', '--registry', 'call', '-o', 'text', 'services'],
  ]) {
    expect(await runHere(args, { env: { MICRO_REGISTRY: 'mdns' } })).toEqual({ stdout: '', stderr: unknown, code: 78 });
  }
  const late = await runHere(['services', '--store-address=x', '--store=call']);
  expect(late).toMatchObject({ code: 78, stderr: expect.stringContaining('unknown store "call"') });
});

test('a variable may come from a file, and what is set already wins', async () => {
  const file = join(tmpdir(), `micro-env-${process.pid}.env`);
  await writeFile(file, 'MICRO_REGISTRY=from-a-file\n');
  onTestFinished(() => rm(file));
  expect((await runHere(['services', '--env-file', file])).stderr).toContain('unknown registry "from-a-file"');
  const env = { MICRO_REGISTRY: 'set' };
  expect((await runHere(['services', '--env-file', file], { env })).stderr).toContain('unknown registry "set"');
});

test('what a service says steers no terminal', async () => {
  let said = '';
  const stderr = new Writable({
    write(chunk, _, done) {
      said += chunk;
      done();
    },
  });
  const terminal = { stderr, env: {} } as unknown as Terminal;
  reportError(new MicroError({ id: 'x', code: 500, detail: 'a\u001b[2Jb' }), terminal, 'text');
  expect(said).toBe('error: x: a\\u001b[2Jb (500)\n');
});
