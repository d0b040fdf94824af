import { describe, expect, test } from 'vitest';
import { type CmdOptions, createCmd } from '../../src/cmd/create-cmd.ts';
import { MICRO_FLAGS } from '../../src/cmd/micro-flags.ts';
import type { Flag, Flags } from '../../src/contract/cmd.ts';
import { MicroError } from '../../src/error/micro-error.ts';

type Env = Record<string, string | undefined>;

function parse(argv: readonly string[], env: Env = {}, options: CmdOptions = {}): Flags {
  return createCmd(options).parse({ argv, env });
}

/** What a parse fails with. */
function failure(argv: readonly string[], env: Env = {}, options: CmdOptions = {}): MicroError {
  try {
    parse(argv, env, options);
  } catch (error) {
    if (error instanceof MicroError) return error;
    throw error;
  }
  throw new Error('it did not fail');
}

/** A value for each kind of flag, and what it reads as. */
const SAMPLES = {
  text: ['some-thing', 'some-thing'],
  count: ['7', 7],
  seconds: ['45', 45],
  duration: ['1m30s', '1m30s'],
  list: ['a:1, b:2', ['a:1', 'b:2']],
  pairs: ['zone=a,rack', ['zone=a', 'rack']],
  level: ['debug', 'debug'],
} as const;

const GO_MICRO = [
  'client client_request_timeout client_retries client_pool_size client_pool_ttl register_ttl register_interval server',
  'server_name server_version server_id server_address server_advertise server_metadata broker broker_address profile',
  'registry registry_address runtime runtime_source selector store store_address store_database store_table transport',
  'transport_address tracer tracer_address auth auth_id auth_secret auth_namespace auth_public_key auth_private_key config',
].flatMap((line) => line.split(' '));

test('the flags are the 37 of go-micro, in its order, and the level of the log', () => {
  expect(GO_MICRO).toHaveLength(37);
  expect(MICRO_FLAGS.map(({ name }) => name)).toEqual([...GO_MICRO, 'log_level']);
});

describe.each(MICRO_FLAGS)('--$name', ({ name, env, kind }) => {
  const [text, value] = SAMPLES[kind];

  test('is read from the command line in three spellings, and from its variable', () => {
    expect(env).toBe(name === 'profile' ? 'MICRO_DEBUG_PROFILE' : `MICRO_${name.toUpperCase()}`);
    for (const argv of [[`--${name}=${text}`], [`--${name}`, text], [`-${name}=${text}`]]) {
      expect({ ...parse(argv) }).toEqual({ [name]: value });
    }
    expect({ ...parse([], { [env]: text }) }).toEqual({ [name]: value });
  });

  test('wins over its variable', () => {
    const other = { text: 'other', count: '1', seconds: '1', duration: '1s', list: 'c', pairs: 'c=d', level: 'warn' }[
      kind
    ];
    expect(parse([`--${name}=${text}`], { [env]: other })[name]).toEqual(value);
    expect(parse([`--${name}=${text}`], { [env]: `bad\n` })[name]).toEqual(value);
  });

  test('says nothing when it is empty', () => {
    expect({ ...parse([`--${name}=`], { [env]: '' }) }).toEqual({});
    expect({ ...parse([`--${name}=`], { [env]: text }) }).toEqual({ [name]: value });
  });

  test('needs a value, and one without control characters that is not endless', () => {
    expect(failure([`--${name}`])).toMatchObject({ code: 400, detail: `--${name} needs a value` });
    for (const hostile of ['a\nb', 'a\0b', 'a\r\nX-Evil: 1', '\x1b[31m', 'x'.repeat(40_000)]) {
      const { code, detail } = failure([], { [env]: hostile });
      expect(code).toBe(400);
      expect(detail).toContain(env);
      expect(detail.length).toBeLessThan(400);
      // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
      expect(detail).not.toMatch(/[\0-\x1f]/);
    }
  });
});

test.each([
  ['client_retries', 'many', 'a whole number'],
  ['client_retries', '-1', 'a whole number'],
  ['client_retries', '1.5', 'a whole number'],
  ['client_pool_size', '1e3', 'a whole number'],
  ['register_ttl', '30s', 'a whole number of seconds'],
  ['register_interval', '99999999', 'at most 2147483 seconds'],
  ['client_request_timeout', '500', 'a duration such as 500ms'],
  ['client_request_timeout', '-5s', 'a duration such as 500ms'],
  ['client_pool_ttl', '1000h', 'at most 596h'],
  ['client_pool_ttl', 'soon', 'a duration such as 500ms'],
  ['server_metadata', '=value', 'key=value with a key'],
  ['log_level', 'loud', 'one of trace, debug, info'],
])('--%s=%s is refused with the flag, the value and what would do', (name, value, wanted) => {
  const { code, detail } = failure([`--${name}=${value}`]);
  expect(code).toBe(400);
  expect(detail).toContain(`--${name} has the value "${value}"`);
  expect(detail).toContain(wanted);
  const env = MICRO_FLAGS.find((flag) => flag.name === name)?.env ?? '';
  expect(failure([], { [env]: value }).detail).toContain(`${env} has the value "${value}"`);
});

test('a secret is never shown, whatever is wrong with it', () => {
  const { detail } = failure([], { MICRO_AUTH_SECRET: 'hunter2\n' });
  expect(detail).toBe('MICRO_AUTH_SECRET has a value that is not text without line breaks and control characters');
});

test.each([
  [['--registy=x'], '--registy is no flag: did you mean --registry?'],
  [['--nonsense', 'y'], '--nonsense is no flag: --help lists those there are'],
  [['-x'], '-x is no flag: --help lists those there are'],
  [['--évil\n'], '"--évil\\n" is no flag: --help lists those there are'],
])('%j is refused by name', (argv, detail) => {
  expect(failure(argv)).toMatchObject({ id: 'go.micro.cmd', code: 400, detail });
});

test('what is no flag is left alone, and so is everything behind --', () => {
  expect({ ...parse(['serve', '--registry=memory', 'now', '--', '--nonsense', '-registry=x']) }).toEqual({
    registry: 'memory',
  });
});

test('of a flag that was given twice the last one counts, and lists add up', () => {
  const argv = ['--registry=a', '--registry=b', '--server_metadata=a=1', '--server_metadata', 'b=2,c=3=4'];
  expect({ ...parse(argv) }).toEqual({ registry: 'b', server_metadata: ['a=1', 'b=2', 'c=3=4'] });
});

test('variables that belong to nobody, and those of the prototype, are not read', () => {
  expect({ ...parse([], { MICRO_NONSENSE: 'x', MICRO_: 'y', PATH: '/' }) }).toEqual({});
  const flags = parse([]);
  expect(flags.constructor).toBeUndefined();
  expect('__proto__' in flags).toBe(false);
});

describe("the app's own flags", () => {
  const flags: readonly Flag[] = [
    { name: 'port', description: 'where to listen', type: 'number', env: 'APP_PORT', default: 80 },
    { name: 'dry-run', description: 'only look', type: 'boolean' },
    { name: 'tags', description: 'labels', type: 'list', env: 'APP_TAGS' },
    { name: 'title', description: 'a title', type: 'string' },
  ];
  const read = (argv: readonly string[], env: Env = {}) => parse(argv, env, { flags });

  test('are read like the others', () => {
    expect({ ...read(['--port=8080', '--dry-run', '--tags=a,b', '--tags', 'c', '--title', 'x y']) }).toEqual({
      port: 8_080,
      'dry-run': true,
      tags: ['a', 'b', 'c'],
      title: 'x y',
    });
    expect({ ...read([], { APP_PORT: '1', APP_TAGS: 'a' }) }).toEqual({ port: 1, tags: ['a'] });
    expect({ ...read(['--dry-run=false', 'positional']) }).toEqual({ 'dry-run': false });
    expect({ ...read(['--dry-run', 'positional']) }).toEqual({ 'dry-run': true });
  });

  test('read as their default when they are not given, which is no own property', () => {
    const given = read([]);
    expect(given.port).toBe(80);
    expect(Object.keys(given)).toEqual([]);
    expect(Object.keys(read(['--port=80']))).toEqual(['port']);
  });

  test('are refused with flag and value when they make no sense', () => {
    const refusal = (argv: readonly string[], env: Env = {}) => failure(argv, env, { flags }).detail;
    expect(refusal(['--port=http'])).toBe('--port has the value "http", which is not a number');
    expect(refusal([], { APP_PORT: 'Infinity' })).toBe('APP_PORT has the value "Infinity", which is not a number');
    expect(refusal(['--dry-run=maybe'])).toBe('--dry-run has the value "maybe", which is not true or false');
    expect(refusal(['--dryrun'])).toBe('--dryrun is no flag: did you mean --dry-run?');
  });

  test('cannot be called like one of the others, or like no flag at all', () => {
    const named = (name: string): Flag => ({ name, description: '', type: 'string' });
    for (const name of ['registry', 'help', 'version']) {
      expect(() => createCmd({ flags: [named(name)] })).toThrow(`${name} is a flag already`);
    }
    expect(() => createCmd({ flags: [named('a'), named('a')] })).toThrow('a is a flag already');
    for (const name of ['', '-a', '1', 'a b', 'a=b', '__proto__']) {
      expect(() => createCmd({ flags: [named(name)] })).toThrow('cannot be a flag');
    }
  });
});

describe('--help and --version', () => {
  function asked(argv: readonly string[], options: CmdOptions = {}) {
    const written: string[] = [];
    const codes: number[] = [];
    const io = { write: (text: string) => written.push(text), exit: (code: number) => codes.push(code) };
    const error = failure(argv, {}, { ...options, ...io });
    return { text: written.join(''), codes, error };
  }

  test('--help prints every flag with its variable, and ends with 0 even beside what is wrong', () => {
    for (const argv of [['--help'], ['-h'], ['--registry=x', '-help']]) {
      const { text, codes, error } = asked(argv, {
        name: 'greeter',
        description: 'greets',
        flags: [{ name: 'port', description: 'where to listen', type: 'number', default: 80 }],
      });
      expect(codes).toEqual([0]);
      expect(error.code).toBe(499);
      expect(text).toMatch(/^Usage: greeter \[flags\]\n\ngreets\n/);
      for (const { name, env } of MICRO_FLAGS) {
        expect(text).toContain(`--${name} <`);
        expect(text).toContain(env);
      }
      expect(text).toMatch(/--port <number> +where to listen \[default 80\]/);
      expect(Math.max(...text.split('\n').map((line) => line.length))).toBeLessThanOrEqual(120);
    }
  });

  test('--version prints the version, where there is one', () => {
    expect(asked(['--version'], { name: 'greeter', version: '1.2.3' })).toMatchObject({
      text: 'greeter version 1.2.3\n',
      codes: [0],
    });
    expect(asked(['-v'], { name: 'greeter', version: '1.2.3' }).codes).toEqual([0]);
    expect(failure(['--version']).detail).toMatch(/^--version is no flag/);
  });

  test('help() is the same text and ends nothing', () => {
    const cmd = createCmd({ name: 'greeter', version: '1' });
    expect(cmd.help()).toBe(cmd.help());
    expect(cmd.help()).toContain('MICRO_REGISTRY_ADDRESS');
  });
});
