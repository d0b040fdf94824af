import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { runHere, runMicro } from './support.ts';

let cwd: string;
beforeAll(async () => {
  cwd = await mkdtemp(join(tmpdir(), 'micro-config-'));
  await writeFile(join(cwd, 'base.yaml'), `database:\n  host: localhost\n  port: 5432\nname: \${SITE}\n`);
  await writeFile(join(cwd, 'over.json'), '{"database":{"host":"db.internal"}}');
});
afterAll(() => rm(cwd, { recursive: true }));

const env = { APP_DATABASE_PORT: '6000', SITE: 'berlin' };
const get = (...args: string[]) => runHere(['config', 'get', ...args], { env, cwd });
const FILES = ['--file', 'base.yaml', '--file', 'over.json'];

test('values are those of the files, each over those before it, and the variables over them', async () => {
  const all = await runMicro(['config', 'get', ...FILES, '--env-prefix', 'APP', '-o', 'json'], { env, cwd });
  expect(all).toMatchObject({ code: 0, stderr: '' });
  expect(JSON.parse(all.stdout)).toEqual({ database: { host: 'db.internal', port: '6000' }, name: 'berlin' });
  expect(await get(...FILES, 'database', 'host')).toEqual({ stdout: 'db.internal\n', stderr: '', code: 0 });
  expect((await get(...FILES, 'database', '-o', 'yaml')).stdout).toBe('host: db.internal\nport: 5432\n');
  expect((await get(...FILES, 'database', 'port', '-o', 'json')).stdout).toBe('5432\n');
});

test('a value that is not there is answered with the name that was meant', async () => {
  expect(await get(...FILES, 'database', 'hots')).toEqual({
    stdout: '',
    stderr: 'error: there is no value at database hots: did you mean host? (404)\n',
    code: 1,
  });
  expect(await get(...FILES, 'name', '__proto__')).toMatchObject({ code: 1, stdout: '' });
});

test('a file that is not there or wrong ends with 78, and nothing to read with 2', async () => {
  await writeFile(join(cwd, 'wrong.yaml'), 'a: [');
  expect(await get('--file', 'nothing.yaml')).toMatchObject({ code: 78, stdout: '' });
  expect(await get('--file', 'wrong.yaml')).toMatchObject({ code: 78, stdout: '' });
  expect(await get()).toMatchObject({ code: 2, stdout: '' });
});
