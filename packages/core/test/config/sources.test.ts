import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { envSource } from '../../src/config/env-source.ts';
import { fileSource } from '../../src/config/file-source.ts';
import { flagsSource } from '../../src/config/flags-source.ts';
import { memorySource } from '../../src/config/memory-source.ts';
import { configSourceCases } from '../../src/conformance/config-source.ts';
import { runConformance } from '../../src/conformance/run.ts';
import type { ConfigObject, ConfigValue } from '../../src/contract/config.ts';

describe('memorySource conforms', () => {
  runConformance({
    test,
    cases: configSourceCases,
    world: () => {
      const source = memorySource();
      return { create: () => source, put: (values: ConfigObject) => source.update(values), close: () => {} };
    },
  });
});

/** Writes JSON, which YAML is a superset of, and TOML by hand. */
describe.each([
  ['json', 'in place', (values: ConfigObject) => JSON.stringify(values)],
  ['yaml', 'by a rename', (values: ConfigObject) => JSON.stringify(values)],
  ['toml', 'by a rename', tomlOf],
])('fileSource conforms with %s that is written %s', (format, how, write) => {
  runConformance({
    test,
    cases: configSourceCases,
    world: async () => {
      const folder = await mkdtemp(join(tmpdir(), 'micro-config-'));
      const path = join(folder, `config.${format}`);
      return {
        create: () => fileSource(path, { env: false }),
        async put(values: ConfigObject) {
          const target = how === 'in place' ? path : `${path}.new`;
          await writeFile(target, write(values));
          if (target !== path) await rename(target, path);
        },
        close: () => rm(folder, { recursive: true }),
      };
    },
  });
});

describe('envSource conforms', () => {
  runConformance({
    test,
    cases: configSourceCases,
    world: () => {
      const env: Record<string, string> = {};
      return {
        create: () => envSource({ prefix: 'APP', env }),
        put(values: ConfigObject) {
          for (const name of Object.keys(env)) delete env[name];
          Object.assign(env, Object.fromEntries(variablesOf('APP', values)));
        },
        supports: { types: false, names: false },
        close: () => {},
      };
    },
  });
});

function variablesOf(name: string, value: ConfigValue): readonly (readonly [string, string])[] {
  if (typeof value !== 'object' || value === null) return [[name, String(value)]];
  return Object.entries(value).flatMap(([part, inner]) => variablesOf(`${name}_${part.toUpperCase()}`, inner));
}

function tomlOf(values: ConfigObject): string {
  return Object.entries(values)
    .map(([name, value]) => `${JSON.stringify(name)} = ${tomlValue(value)}\n`)
    .join('');
}

function tomlValue(value: ConfigValue): string {
  if (Array.isArray(value)) return `[${value.map(tomlValue).join(', ')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const members = Object.entries(value).map(([name, inner]) => `${JSON.stringify(name)} = ${tomlValue(inner)}`);
  return `{ ${members.join(', ')} }`;
}

const read = async (source: { read(): Promise<ConfigObject> }): Promise<unknown> =>
  JSON.parse(JSON.stringify(await source.read()));

describe('envSource', () => {
  const env = { APP_SERVER_PORT: '8080', APP_DEBUG: 'true', APPLE: 'x', APP_ZIP: '007', PATH: '/bin', OTHER: '' };

  test('takes all variables without a prefix, and only those with it and a line otherwise', async () => {
    expect(await read(envSource({ env }))).toEqual({
      app: { server: { port: '8080' }, debug: 'true', zip: '007' },
      apple: 'x',
      path: '/bin',
      other: '',
    });
    const app = { server: { port: '8080' }, debug: 'true', zip: '007' };
    expect(await read(envSource({ prefix: 'APP', env }))).toEqual(app);
    expect(await read(envSource({ prefix: 'APP_', env }))).toEqual(app);
  });

  test('guesses only what is written in the one usual way, and only when told to', async () => {
    const texts = {
      A_I: '8080',
      A_N: '-5',
      A_Z: '0',
      A_B: 'false',
      A_T: 't',
      A_L: '007',
      A_F: '1.5',
      A_H: '9007199254740993',
    };
    expect(await read(envSource({ prefix: 'A', env: texts, guess: true }))).toEqual({
      i: 8080,
      n: -5,
      z: 0,
      b: false,
      t: 't',
      l: '007',
      f: '1.5',
      h: '9007199254740993',
    });
  });

  test('parts names at another separator, and takes the paths that it is told', async () => {
    const variables = { APP_DB__MAX_IDLE: '5', APP_MAX: '9', DATABASE_URL: 'x:y' };
    const paths = { APP_MAX: ['db', 'maxConns'], DATABASE_URL: ['db', 'url'] };
    expect(await read(envSource({ prefix: 'APP', separator: '__', paths, env: variables }))).toEqual({
      db: { max_idle: '5', maxConns: '9', url: 'x:y' },
    });
    expect(() => envSource({ separator: '' })).toThrow('the separator of the env source is empty');
  });

  test('keeps the longer one of two variables in whatever order they come', async () => {
    const pairs = [['A_BROKER', 'nats'] as const, ['A_BROKER_ADDRESS', 'x'] as const];
    for (const variables of [pairs, [...pairs].reverse()]) {
      expect(await read(envSource({ prefix: 'A', env: Object.fromEntries(variables) }))).toEqual({
        broker: { address: 'x' },
      });
    }
  });

  test('makes plain names of those that mean something elsewhere', async () => {
    const tree = await envSource({
      env: { CONSTRUCTOR_PROTOTYPE_X: 'y', A_CONSTRUCTOR: 'z', TOSTRING: 't' },
      paths: { TOSTRING: ['__proto__', 'x'] },
    }).read();
    expect(Object.keys(tree).sort()).toEqual(['__proto__', 'a', 'constructor']);
    expect(Object.getPrototypeOf(tree)).toBeNull();
    expect('x' in {}).toBe(false);
  });

  test('reads the environment of the process as it is at the time', async () => {
    const source = envSource({ prefix: 'MICRO_CONFIG_TEST' });
    expect(await read(source)).toEqual({});
    process.env.MICRO_CONFIG_TEST_A = '1';
    try {
      expect(await read(source)).toEqual({ a: '1' });
    } finally {
      delete process.env.MICRO_CONFIG_TEST_A;
    }
  });
});

describe('flagsSource', () => {
  test('has the flags that were given, at paths, with their types', async () => {
    const flags = { 'server-address': ':8080', server_ttl: 90, Debug: true, tags: ['a', 'b'], absent: undefined };
    expect(await read(flagsSource(flags))).toEqual({
      server: { address: ':8080', ttl: 90 },
      debug: true,
      tags: ['a', 'b'],
    });
  });

  test('takes the paths that it is told, and keeps the longer of two names', async () => {
    const flags = { broker_address: 'x', broker: 'nats', max: 5 };
    expect(await read(flagsSource(flags, { paths: { max: ['db', 'maxConns'] } }))).toEqual({
      broker: { address: 'x' },
      db: { maxConns: 5 },
    });
  });
});
