import { execFile, execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rename, rm, symlink, unlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createConfig } from '../../src/config/config.ts';
import { type FileSourceOptions, fileSource } from '../../src/config/file-source.ts';
import { eventually, within } from '../../src/conformance/eventually.ts';
import type { Config } from '../../src/contract/config.ts';
import type { Logger } from '../../src/contract/logger.ts';
import { CODE } from '../../src/error/code.ts';

let root = '';
let folders = 0;

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'micro-config-'));
});
afterAll(() => rm(root, { recursive: true, force: true }));

async function folder(): Promise<string> {
  const path = join(root, String(folders++));
  await mkdir(path);
  return path;
}

async function fileOf(name: string, text: string | Uint8Array): Promise<string> {
  const path = join(await folder(), name);
  await writeFile(path, text);
  return path;
}

async function read(name: string, text: string | Uint8Array, options: FileSourceOptions = {}): Promise<unknown> {
  return JSON.parse(JSON.stringify(await fileSource(await fileOf(name, text), options).read()));
}

describe('fileSource reads', () => {
  test('json, yaml and toml by the ending of the name, in any case', async () => {
    const expected = { server: { port: 8080, tags: ['a', 'b'] } };
    expect(await read('a.json', '{"server":{"port":8080,"tags":["a","b"]}}')).toEqual(expected);
    expect(await read('a.yaml', 'server:\n  port: 8080\n  tags: [a, b]\n')).toEqual(expected);
    expect(await read('a.YML', 'server:\n  port: 8080\n  tags:\n  - a\n  - b\n')).toEqual(expected);
    expect(await read('a.toml', '[server]\nport = 8080\ntags = ["a", "b"]\n')).toEqual(expected);
    expect(await read('app', 'a: 1', { format: 'yaml' })).toEqual({ a: 1 });
    expect(() => fileSource('conf.d/app')).toThrow('has none of the endings .json, .yaml, .yml, .toml; rename it');
    expect(() => fileSource('a.yaml.bak')).toThrow('has none of the endings');
    expect(() => fileSource('')).toThrow('needs the path of a file');
  });

  test('a byte order mark, an empty file of yaml, dates, anchors and merge keys', async () => {
    expect(await read('a.json', '\ufeff{"a":1}')).toEqual({ a: 1 });
    expect(await read('a.yaml', '# nothing\n')).toEqual({});
    expect(await read('a.toml', 'at = 1979-05-27T07:32:00Z\nday = 1979-05-27\n')).toEqual({
      at: '1979-05-27T07:32:00.000Z',
      day: '1979-05-27',
    });
    expect(await read('a.yaml', 'base: &b {x: 1, y: 2}\nuse:\n  <<: *b\n  y: 3\n')).toEqual({
      base: { x: 1, y: 2 },
      use: { x: 1, y: 3 },
    });
  });

  test('yaml as 1.2 has it: a country is no boolean', async () => {
    expect(await read('a.yaml', 'country: no\noctal: 010\non: yes\n')).toEqual({ country: 'no', octal: 10, on: 'yes' });
  });
});

describe('fileSource refuses', () => {
  const refusal = async (name: string, text: string | Uint8Array, options: FileSourceOptions = {}): Promise<unknown> =>
    fileSource(await fileOf(name, text), options)
      .read()
      .then(
        () => 'nothing',
        ({ code, detail }) => `${code} ${detail.replaceAll(/\S*\/(\w+\.\w+)/g, '$1')}`,
      );

  test('mistakes, with their place and without the lines around them', async () => {
    const secret = 'hunter2';
    expect(await refusal('a.json', `{"password": "${secret}",\n "b": }`)).toMatch(
      /^400 a\.json is no json: unexpected token '}'$/,
    );
    expect(await refusal('a.yaml', `password: ${secret}\nb: c: d\n`)).toMatch(/^400 a\.yaml is no yaml: .* at line 2/);
    expect(await refusal('a.toml', `password = "${secret}"\nb = = 1\n`)).toMatch(
      /^400 a\.toml is no toml: .* at line 2/,
    );
    expect(await refusal('a.json', '{"a": 1,}')).toMatch(/^400 a\.json is no json: .* at position 8/);
    for (const [name, text] of [
      ['a.json', `{"password": "${secret}"x`],
      ['a.yaml', `password: ${secret}\nb: c: d\n`],
      ['a.toml', `password = "${secret}"\nb = = 1\n`],
    ] as const) {
      expect(await refusal(name, text)).not.toContain(secret);
    }
    expect(await refusal('a.yaml', 'a: 1\na: 2\n')).toContain('400 a.yaml is no yaml: map keys must be unique');
    expect(await refusal('a.yaml', 'a: 1\n---\nb: 2\n')).toContain('400 a.yaml is no yaml: ');
    expect(await refusal('a.json', '')).toContain('400 a.json is no json: ');
    expect(await refusal('a.json', '[1]')).toBe('400 a.json is a list at the top; put names and values there');
    expect(await refusal('a.yaml', 'just text')).toBe('400 a.yaml is a string at the top; put names and values there');
  });

  test('integers that would be rounded, in every format', async () => {
    const big = '9007199254740993';
    expect(await refusal('a.json', `{"s":"${big}","f":${big}.5,"id":${big}}`)).toBe(
      `400 a.json is no json: ${big} would be rounded; write it in quotes`,
    );
    expect(await refusal('a.yaml', `id: ${big}\n`)).toBe(
      `400 a.yaml: the value at id is ${big}, which would be rounded; write it in quotes`,
    );
    expect(await refusal('a.toml', `id = ${big}\n`)).toContain('400 a.toml is no toml: ');
    expect(await read('a.json', `{"s":"\\"${big}","n":-9007199254740991}`)).toEqual({
      s: `"${big}`,
      n: -9007199254740991,
    });
    expect(await refusal('a.yaml', 'a: .inf\n')).toContain('the value at a is Infinity');
  });

  test('bombs of yaml aliases, quickly', async () => {
    const levels = Array.from({ length: 30 }, (_, level) =>
      level === 0
        ? 'l0: &l0 [x, x, x, x, x, x, x, x, x]'
        : `l${level}: &l${level} [${Array(9).fill(`*l${level - 1}`)}]`,
    );
    const begin = performance.now();
    expect(await refusal('a.yaml', `${levels.join('\n')}\n`)).toMatch(/^4\d\d a\.yaml/);
    // Each level used twice by the next is few aliases and many values.
    const pairs = Array.from({ length: 40 }, (_, level) =>
      level === 0 ? 'l0: &l0 x' : `l${level}: &l${level} [*l${level - 1}, *l${level - 1}]`,
    );
    expect(await refusal('a.yaml', `${pairs.join('\n')}\n`)).toMatch(/^4\d\d a\.yaml/);
    expect(await refusal('a.yaml', 'a: &a [*a]\n')).toMatch(/^4\d\d a\.yaml/);
    expect(performance.now() - begin).toBeLessThan(5_000);
  });

  test('what is nested very deep, in every format', async () => {
    const deep = 5_000;
    for (const [name, text] of [
      ['a.json', `{"a":${'['.repeat(deep)}${']'.repeat(deep)}}`],
      ['a.yaml', `a: ${'['.repeat(deep)}${']'.repeat(deep)}`],
      ['a.toml', `a = ${'['.repeat(deep)}${']'.repeat(deep)}`],
    ] as const) {
      expect(await refusal(name, text)).toMatch(/^400 a\./);
    }
  });

  test('what is larger than its limit, no UTF-8, no file, or not there', async () => {
    expect(await refusal('a.json', `{"a":"${'x'.repeat(100)}"}`, { maxBytes: 100 })).toBe(
      '413 a.json has more than 100 bytes (maxBytes); keep data out of the config',
    );
    expect(await read('a.json', `{"a":"${'x'.repeat(2 ** 20)}"}`, { maxBytes: 0 })).toBeTypeOf('object');
    expect(await refusal('a.json', Uint8Array.of(0x7b, 0xff))).toBe('400 a.json is no UTF-8; save it as that');
    const path = join(await folder(), 'd.json');
    await expect(fileSource(path).read()).rejects.toMatchObject({
      code: CODE.notFound,
      detail: `there is no file ${path}; make it, or say that it is optional`,
    });
    await mkdir(path);
    await expect(fileSource(path).read()).rejects.toMatchObject({ detail: `${path} is no file; give the path of one` });
  });

  test.skipIf(process.platform === 'win32')('a pipe that nobody writes to, without waiting', async () => {
    const path = join(await folder(), 'pipe.json');
    execFileSync('mkfifo', [path]);
    await expect(within('reading a pipe', fileSource(path).read())).rejects.toMatchObject({
      detail: `${path} is no file; give the path of one`,
    });
  });
});

/** `${NAME}`, which is no placeholder of this language. */
const ref = (name: string): string => `$\{${name}}`;

describe('fileSource substitutes the environment', () => {
  const env = { NAME: 'x', QUOTED: '"}, "admin": true, "', NESTED: ref('NAME'), EMPTY: '', NUMBER: '5' };

  test('in texts after parsing, whatever the variable holds', async () => {
    const text = JSON.stringify({
      a: `${ref('NAME')}-${ref('NAME')}`,
      b: ref('QUOTED'),
      c: [ref('NESTED')],
      d: ref('NUMBER'),
      [ref('NAME')]: 1,
    });
    expect(await read('a.json', text, { env })).toEqual({
      a: 'x-x',
      b: env.QUOTED,
      c: [ref('NAME')],
      d: '5',
      [ref('NAME')]: 1,
    });
    const yaml = `a: ${ref('QUOTED')}\nb: "${ref('NAME')}"\n`;
    expect(await read('a.yaml', yaml, { env })).toEqual({ a: env.QUOTED, b: 'x' });
    expect(await read('a.toml', `a = "${ref('NAME')}"`, { env })).toEqual({ a: 'x' });
  });

  test('with a fallback for what is absent or empty, and the empty text without', async () => {
    const names = { a: 'NO:-back', b: 'EMPTY:-back', c: 'NAME:-back', d: 'NO', e: 'NO:-', f: 'NO:-a b:c-d' };
    const text = JSON.stringify(Object.fromEntries(Object.entries(names).map(([key, name]) => [key, ref(name)])));
    expect(await read('a.json', text, { env })).toEqual({ a: 'back', b: 'back', c: 'x', d: '', e: '', f: 'a b:c-d' });
  });

  test('and leaves what names no variable, and everything when told to', async () => {
    const others = { a: ref(''), b: ref('a-b'), c: '$NAME', d: ref('NAME').slice(0, -1) };
    expect(await read('a.json', JSON.stringify(others), { env })).toEqual(others);
    expect(await read('a.json', JSON.stringify({ a: ref('toString') }), { env })).toEqual({ a: '' });
    expect(await read('a.json', JSON.stringify({ a: ref('NAME') }), { env: false })).toEqual({ a: ref('NAME') });
  });

  test('up to a bound, and from the process when nothing else is said', async () => {
    const large = { BIG: 'x'.repeat(100_000) };
    await expect(read('a.json', JSON.stringify({ a: ref('BIG').repeat(1_000) }), { env: large })).rejects.toMatchObject(
      {
        code: CODE.tooLarge,
      },
    );
    process.env.MICRO_FILE_TEST = 'here';
    try {
      expect(await read('a.json', JSON.stringify({ a: ref('MICRO_FILE_TEST') }))).toEqual({ a: 'here' });
    } finally {
      delete process.env.MICRO_FILE_TEST;
    }
  });
});

/** A config that watches one file without looking at it now and then, so that only being told of changes counts. */
async function watching(path: string, options: FileSourceOptions & { logger?: Logger } = {}): Promise<Config> {
  const { logger, ...rest } = options;
  return createConfig({ sources: [fileSource(path, { pollMs: 0, ...rest })], logger, retryMs: 100 });
}

/** Resolves when the value at `a` is this one. */
const becomes = (config: Config, value: string | number): Promise<unknown> =>
  eventually(() => expect(config.get('a').value()).toBe(value), { timeoutMs: 10_000 });

describe('a config of a file that is watched', () => {
  test('follows writing in place and replacing by a rename, again and again', async () => {
    const path = await fileOf('a.yaml', 'a: 0\n');
    const config = await watching(path);
    for (let count = 1; count <= 6; count++) {
      if (count % 2 === 0) await writeFile(path, `a: ${count}\n`);
      else {
        await writeFile(`${path}.tmp`, `a: ${count}\n`);
        await rename(`${path}.tmp`, path);
      }
      await becomes(config, count);
    }
    await config.close();
  });

  test.skipIf(process.platform === 'win32')('follows the exchange of folders that Kubernetes makes', async () => {
    const mount = await folder();
    await mkdir(join(mount, '..1'));
    await writeFile(join(mount, '..1', 'a.yaml'), 'a: 1\n');
    await symlink('..1', join(mount, '..data'));
    await symlink('..data/a.yaml', join(mount, 'a.yaml'));
    const config = await watching(join(mount, 'a.yaml'));
    for (let count = 2; count <= 4; count++) {
      await mkdir(join(mount, `..${count}`));
      await writeFile(join(mount, `..${count}`, 'a.yaml'), `a: ${count}\n`);
      await symlink(`..${count}`, join(mount, '..data_tmp'));
      await rename(join(mount, '..data_tmp'), join(mount, '..data'));
      await rm(join(mount, `..${count - 1}`), { recursive: true });
      await becomes(config, count);
    }
    await config.close();
  });

  test('ends on the last of 1,000 changes', async () => {
    const path = await fileOf('a.json', '{"a":0}');
    const config = await watching(path);
    for (let count = 1; count <= 1_000; count++) await writeFile(path, JSON.stringify({ a: count }));
    await becomes(config, 1_000);
    await config.close();
  });

  test('keeps the last good values of a broken file, says so once, and recovers with it', async () => {
    const path = await fileOf('a.yaml', 'a: 1\n');
    const written: string[] = [];
    const logger: Logger = {
      name: 'lines',
      enabled: () => true,
      log: (level, message) => void written.push(`${level}: ${message}`),
      logf: () => {},
      fields: () => logger,
    };
    const config = await watching(path, { logger });
    await writeFile(path, 'a: b: c\n');
    await eventually(() => expect(written).toHaveLength(1));
    expect(written[0]).toMatch(
      /^warn: the config keeps its values of the source file: .*a\.yaml is no yaml: .* at line 1/,
    );
    expect(config.get('a').number()).toBe(1);
    // Some more tries to read it say nothing new.
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect(written).toHaveLength(1);
    await unlink(path);
    await eventually(() => expect(written[1]).toContain('there is no file'));
    expect(config.get('a').number()).toBe(1);
    await writeFile(path, 'a: 2\n');
    await becomes(config, 2);
    await eventually(() => expect(written.slice(2)).toEqual(['info: the config follows the source file again']));
    await writeFile(path, 'a: 3\n');
    await becomes(config, 3);
    await config.close();
  });

  test('begins without an optional file and follows it when it comes and goes', async () => {
    const path = join(await folder(), 'a.json');
    const config = await watching(path, { optional: true });
    expect(config.get('a').exists()).toBe(false);
    await writeFile(path, '{"a":1}');
    await becomes(config, 1);
    await unlink(path);
    await eventually(() => expect(config.get('a').exists()).toBe(false));
    await config.close();
  });

  test('notices by looking what nobody tells: a folder that is made later and then replaced', async () => {
    const parent = await folder();
    const path = join(parent, 'later', 'a.json');
    const config = await watching(path, { optional: true, pollMs: 20 });
    await mkdir(join(parent, 'later'));
    await writeFile(path, '{"a":1}');
    await becomes(config, 1);
    await mkdir(join(parent, 'other'));
    await writeFile(join(parent, 'other', 'a.json'), '{"a":2}');
    await rename(join(parent, 'later'), join(parent, 'old'));
    await rename(join(parent, 'other'), join(parent, 'later'));
    await becomes(config, 2);
    await config.close();
  });

  test('does not wake for other files of the folder, and lets go of everything when it is closed', async () => {
    const path = await fileOf('a.json', '{"a":1}');
    const watchers = (): number =>
      process.getActiveResourcesInfo().filter((kind) => kind === 'FSEventWrap' || kind === 'Timeout').length;
    const before = watchers();
    const config = await watching(path, { pollMs: 1_000 });
    const { version } = config.snapshot();
    await writeFile(`${path}.other`, '{"a":2}');
    // The test runner has timers of its own, which come and go.
    await eventually(() => expect(watchers()).toBeLessThanOrEqual(before));
    await config.close();
    await eventually(() => expect(watchers()).toBeLessThanOrEqual(before));
    expect(config.snapshot().version).toBe(version);
  });
});

test('a config of a file keeps the process alive neither open nor closed', async () => {
  const door = new URL('../../dist/index.js', import.meta.url).href;
  const program = `
    import { createConfig, fileSource } from ${JSON.stringify(door)};
    const config = await createConfig({ sources: [fileSource(${JSON.stringify(await fileOf('a.yaml', 'a: 1\n'))})] });
    if (config.get('a').number() !== 1) process.exit(2);
    await createConfig({ sources: [fileSource(${JSON.stringify(await fileOf('a.yaml', 'a: b: c'))})] }).catch((error) => {
      if (error.code !== 400) process.exit(3);
    });
  `;
  const child = execFile(process.execPath, ['--input-type=module', '-e', program], { timeout: 25_000 });
  expect(await once(child, 'close')).toEqual([0, null]);
});
