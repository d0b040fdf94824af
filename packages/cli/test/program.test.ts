import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable, Writable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { MicroError } from '@micro/core';
import { eventually } from '@micro/core/conformance';
import { expect, onTestFinished, test } from 'vitest';
import { createProgress } from '../src/console/progress.ts';
import { reportError } from '../src/console/report.ts';
import type { Terminal } from '../src/console/terminal.ts';
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

test('a folder that was removed while somebody was in it is told of, and help is there all the same', async () => {
  const gone = await mkdtemp(join(tmpdir(), 'micro-gone-'));
  // The shell is in it before the program is, and removes it.
  const program = fileURLToPath(new URL('../dist/micro.js', import.meta.url));
  const script = 'rmdir "$1" && "$2" "$3" --version && "$2" "$3" services';
  const child = spawn('/bin/sh', ['-c', script, 'sh', gone, process.execPath, program], { cwd: gone });
  const [stdout, stderr, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')]);
  expect(stdout).toMatch(/^micro /);
  expect(stderr).toBe('error: the folder that you are in is not there any more: go to another one\n');
  expect(code).toBe(2);
});

test('a usage error is told in full, and steers no terminal', async () => {
  const option = `--${'y'.repeat(300)}\u001b[2J`;
  const { code, stderr } = await runHere(['services', option]);
  expect({ code, stderr }).toEqual({
    code: 2,
    stderr: `error: unknown option '${option.replace('\u001b', '\\u001b')}'\n`,
  });
});

test('a file of variables may begin with a mark of its byte order', async () => {
  const file = join(tmpdir(), `micro-${process.pid}.env`);
  onTestFinished(() => rm(file));
  await writeFile(file, '\uFEFFexport MICRO_REGISTRY="none such"\n');
  const { code, stderr } = await runHere(['services', '--env-file', file]);
  expect({ code, stderr }).toEqual({ code: 78, stderr: expect.stringContaining('unknown registry "none such"') });
});

test('what is waited for takes no more than one line of a narrow terminal', async () => {
  let written = '';
  const stderr = Object.assign(
    new Writable({
      write(chunk, _, done) {
        written += chunk;
        done();
      },
    }),
    { isTTY: true, columns: 20 },
  );
  const stdin = Object.assign(Readable.from([]), { isTTY: true });
  const terminal = { stdin, stdout: stderr, stderr, env: {}, cwd: '/' };
  await createProgress(terminal, false).during('installing with npm, which takes its time', () =>
    eventually(() => {
      if (written === '') throw new Error('nothing is said yet');
    }),
  );
  expect(written.replace('\r\u001b[2K', '')).toBe('installing with n …');
});
