import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventually } from '@micro/core/conformance';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { runHere, runMicro, startMicro } from './support.ts';

/** Clears a screen, in seven bits and in eight, and what leads out of a line of a shell's. */
const EVIL = '\u001b[2J\u009b2J\u007f\n$(touch x)';
const STEERS = /(?!\n)\p{Cc}/u;

const DRIVERS = {
  /** Nothing that it is asked ends. */
  hangs: `
    const never = () => (process.stderr.write('asked\\n'), new Promise(() => {}));
    const registry = { register: never, deregister: never, getService: never, listServices: never, close: never };
    const create = () => ({ ...registry, name: 'hangs', options: {}, watch: () => ({ [Symbol.asyncIterator]: () => ({ next: never }) }) });`,
  /** Knows nobody when it is first asked. */
  late: `
    let asked = 0;
    const create = () => ({
      name: 'late', options: {}, register: async () => {}, deregister: async () => {}, close: async () => {},
      getService: async () => [],
      listServices: async () => (asked++ === 0 ? [] : ['hello']),
      watch: () => ({ [Symbol.asyncIterator]: () => ({ next: () => new Promise(() => {}) }) }),
    });`,
  /** All that it knows was written by somebody who wants to do harm. */
  lies: `
    const evil = ${JSON.stringify(EVIL)};
    const values = [{ name: evil, type: evil, values: [] }];
    const endpoint = { name: evil, request: { name: evil, type: evil, values }, metadata: { [evil]: evil } };
    const nodes = [{ id: evil, address: evil, metadata: { [evil]: evil } }];
    const record = (version) => ({ name: evil, version, metadata: { [evil]: evil }, endpoints: [endpoint], nodes });
    const create = () => ({
      name: 'lies', options: {}, register: async () => {}, deregister: async () => {}, close: async () => {},
      getService: async () => [record('2' + evil), record('1' + evil)],
      listServices: async () => [evil, 'hello'],
      async *watch() { yield { action: 'create', service: record('1') }; },
    });`,
} as const;

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'micro-driver-'));
  const names = Object.keys(DRIVERS).map((name) => `@micro/registry-${name}`);
  const manifest = (more: object) => JSON.stringify({ version: '1.0.0', type: 'module', ...more });
  const dependencies = Object.fromEntries([...names, '@micro/registry-a;reboot'].map((name) => [name, '*']));
  await writeFile(join(folder, 'package.json'), manifest({ dependencies }));
  for (const [name, code] of Object.entries({ ...DRIVERS, 'a;reboot': '' })) {
    const at = join(folder, `node_modules/@micro/registry-${name}`);
    await mkdir(at, { recursive: true });
    await writeFile(join(at, 'package.json'), manifest({ name: `@micro/registry-${name}`, exports: './index.js' }));
    const exported = `export const plugin = { api: 1, kind: 'registry', name: '${name}', create };`;
    await writeFile(join(at, 'index.js'), code === '' ? `throw new Error(${JSON.stringify(EVIL)});` : code + exported);
  }
});
afterAll(() => rm(folder, { recursive: true }));

const here = () => ({ cwd: folder });

describe('a driver of which nothing ends', () => {
  test('keeps no command from ending with Ctrl-C', async () => {
    const commands = [['services'], ['call', 'a', 'A.B'], ['doctor']].map((args) =>
      startMicro([...args, '--registry', 'hangs'], here()),
    );
    await Promise.all(commands.map((running) => running.printed('asked')));
    const ended = await Promise.all(commands.map((running) => running.ended('SIGINT')));
    expect(ended.map(({ code }) => code)).toEqual([130, 130, 130]);
  });

  test('completes nothing, soon', async () => {
    // On a machine that is busy even opening it may take longer than anybody waits for a Tab; then it is not asked.
    await eventually(
      async () => {
        const ended = await runMicro(['__complete', '--', 'call', '--registry', 'hangs', ''], here());
        expect(ended).toEqual({ stdout: '', stderr: 'asked\nasked\n', code: 0 });
      },
      { timeoutMs: 60_000 },
    );
  });
});

test.each([
  ['services', 'hello\n'],
  ['registry list', 'hello\n'],
  ['call helo A.B', 'error: service helo: not found in late: did you mean hello? (404)\n'],
])('a driver whose answer comes late is asked again by micro %s', async (line, said) => {
  // A process of its own, in which nobody has been asked yet.
  const { stdout, stderr } = await runMicro([...line.split(' '), '--registry', 'late'], here());
  expect(stdout + stderr).toBe(said);
});

describe('a driver that lies', () => {
  test.each([
    'services',
    'services --wide',
    'registry list',
    'registry get a',
    'registry watch',
    'describe service a',
    'describe service a --all',
    'call a A.B',
    'health a --timeout 1s',
    'doctor',
  ])('steers no terminal with micro %s', async (line) => {
    for (const form of ['text', 'json', 'yaml']) {
      const { stdout, stderr } = await runHere([...line.split(' '), '--registry', 'lies', '-o', form], here());
      expect(stdout + stderr).not.toBe('');
      expect(stdout + stderr).not.toMatch(STEERS);
    }
  });

  test('puts nothing on a line of a shell that could run there', async () => {
    const ask = (...words: string[]) => runHere(['__complete', '--', ...words], here());
    expect((await ask('call', '--registry', 'lies', '')).stdout).toBe('hello\tservice\n');
    const drivers = await ask('services', '--registry', '');
    expect(drivers.stdout.split('\n').map((line) => line.split('\t', 1)[0])).toEqual([
      'hangs',
      'late',
      'lies',
      'mdns',
      'memory',
      '',
    ]);
  });
});
