import { mkdirSync, mkdtempSync, rmSync, statSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable, Writable } from 'node:stream';
import { afterEach, describe, expect, it } from 'vitest';
import { nodeCommand } from '../src/dev/node-command.ts';
import { createDevOutput } from '../src/dev/output.ts';
import { planServices } from '../src/dev/plan.ts';
import { sampleCall } from '../src/dev/sample-call.ts';
import { createWatched } from '../src/dev/watched.ts';
import { createFolder, type Folder, serviceFiles } from './run-support.ts';
import { runHere } from './support.ts';

const folders: Folder[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) folder.remove();
});
function folderWith(files: Record<string, string | object>): Folder {
  const folder = createFolder(files);
  folders.push(folder);
  return folder;
}

const CORE = { dependencies: { '@micro/core': '^1.0.0' } };
const names = async (folder: Folder, paths: readonly string[] = []): Promise<readonly string[]> =>
  (await planServices({ cwd: folder.path, paths })).map(({ name }) => name);

describe('the services that are run', () => {
  it('are those in the folders of a folder that names no workspaces, but not libraries and plugins', async () => {
    const folder = folderWith({
      ...serviceFiles('@acme/one', 'one'),
      ...serviceFiles('two', 'apps/two'),
      ...serviceFiles('deep', 'a/b/deep'),
      'library/package.json': { name: 'library', main: 'package.json', ...CORE },
      'stranger/package.json': { name: 'stranger' },
      'stranger/src/main.mjs': '',
      'plugin/package.json': { name: 'p', devDependencies: CORE.dependencies, peerDependencies: CORE.dependencies },
      'plugin/src/main.mjs': '',
    });
    expect(await names(folder)).toEqual(['two', 'one']);
  });

  it.each([
    [{ workspaces: ['svc/*'] }],
    [{ workspaces: { packages: ['svc/*', '!svc/two'] } }],
    [{ workspaces: ['./svc/one/', 'svc/two'] }],
  ])('are those of the workspaces %j', async (manifest) => {
    const folder = folderWith({
      'package.json': manifest,
      ...serviceFiles('one', 'svc/one'),
      ...serviceFiles('two', 'svc/two'),
      ...serviceFiles('other', 'other'),
    });
    const without = JSON.stringify(manifest).includes('!');
    expect(await names(folder)).toEqual(without ? ['one'] : ['one', 'two']);
  });

  it('are those of a pnpm workspace', async () => {
    const folder = folderWith({
      'pnpm-workspace.yaml': 'packages:\n  - svc/*\n',
      ...serviceFiles('one', 'svc/one'),
      ...serviceFiles('other', 'other'),
    });
    expect(await names(folder)).toEqual(['one']);
  });

  it('are those at several paths, each once, whatever way leads there', async () => {
    const folder = folderWith({ ...serviceFiles('one', 'one'), ...serviceFiles('two', 'two') });
    symlinkSync(join(folder.path, 'one'), join(folder.path, 'link'));
    expect(await names(folder, ['one', './link/', 'two'])).toEqual(['one', 'two']);
  });

  it('begin at micro.entry, then src/main, then main', async () => {
    const folder = folderWith({
      'a/package.json': { name: 'a', micro: { entry: 'start.mjs' }, main: 'main.js', ...CORE },
      'a/start.mjs': '',
      'a/main.js': '',
      'a/src/main.mjs': '',
      'b/package.json': { name: 'b', main: 'main.js', ...CORE },
      'b/main.js': '',
      'b/src/main.mjs': '',
      'c/package.json': { name: 'c', main: './main.js', ...CORE },
      'c/main.js': '',
    });
    const planned = await planServices({ cwd: folder.path, paths: ['a', 'b', 'c'] });
    expect(planned.map(({ shown }) => shown)).toEqual(['start.mjs', 'src/main.mjs', './main.js']);
    const [a] = planned;
    expect(a?.command[0]).toBe(process.execPath);
    expect(a?.command.slice(1, 3)).toEqual(['--enable-source-maps', '--import']);
    expect(a?.command.at(-1)).toBe('start.mjs');
  });

  it('are run by Node itself where it knows TypeScript, and need tsx of the project where it does not', () => {
    const alone = mkdtempSync(join(tmpdir(), 'micro-run-'));
    try {
      if ('typescript' in process.features && process.features.typescript) {
        expect(nodeCommand(alone, 'main.ts').join(' ')).not.toContain('tsx');
      } else {
        expect(() => nodeCommand(alone, 'main.ts')).toThrow(
          /tsx is not installed in .*micro-run-.*: .* -D tsx, or use Node/,
        );
      }
      expect(nodeCommand(alone, 'main.js').at(-1)).toBe('main.js');
    } finally {
      rmSync(alone, { recursive: true });
    }
  });

  it('may be named and described by micro.config.json', async () => {
    const folder = folderWith({
      ...serviceFiles('users', 'users'),
      'plain/server.js': '',
      'micro.config.json': {
        services: {
          users: { env: { LEVEL: '1', EMPTY: '' }, depends: ['plain'] },
          plain: { path: 'plain', command: 'node "my server.js" --port 1' },
        },
      },
    });
    const [plain, users] = await planServices({ cwd: folder.path, paths: [] });
    expect(plain).toMatchObject({ name: 'plain', command: ['node', 'my server.js', '--port', '1'], isNode: false });
    expect(users).toMatchObject({ name: 'users', env: { LEVEL: '1', EMPTY: '' }, depends: ['plain'], isNode: true });
  });

  it('are called as micro.config.json calls them, in the place where they were found, and are not run twice', async () => {
    const folder = folderWith({
      ...serviceFiles('twin', 'a'),
      ...serviceFiles('twin', 'b'),
      ...serviceFiles('c', 'c'),
      'micro.config.json': { services: { left: { path: 'a' }, right: { path: 'b' } } },
    });
    expect(await names(folder)).toEqual(['left', 'right', 'c']);
  });

  it('are found although an editor has put a byte order mark before their JSON', async () => {
    const folder = folderWith({
      ...serviceFiles('one', 'one'),
      'one/package.json': `\uFEFF${JSON.stringify({ name: 'one', ...CORE })}`,
      'micro.config.json': `\uFEFF${JSON.stringify({ services: { one: { env: { A: '1' } } } })}`,
    });
    expect(await planServices({ cwd: folder.path, paths: [] })).toMatchObject([{ name: 'one', env: { A: '1' } }]);
  });

  it('are watched in their folders and those of the packages they depend on in the same workspace', async () => {
    const folder = folderWith({
      'svc/package.json': { name: 'svc', dependencies: { '@micro/core': '^1.0.0', '@x/shared': '*', picomatch: '*' } },
      'svc/src/main.mjs': '',
      'shared/package.json': { name: '@x/shared', exports: { '.': { default: './dist/index.js' } } },
    });
    mkdirSync(join(folder.path, 'svc/node_modules/@x'), { recursive: true });
    symlinkSync(join(folder.path, 'shared'), join(folder.path, 'svc/node_modules/@x/shared'));
    const [svc] = await planServices({ cwd: folder.path, paths: ['svc'] });
    const roots = svc?.roots.filter((root) => root.folder.startsWith(folder.path));
    expect(roots?.map((root) => [root.folder.slice(folder.path.length + 1), [...root.built]])).toEqual([
      ['svc', ['src']],
      ['shared', ['dist']],
    ]);
  });
});

describe('micro run refuses', () => {
  const ONE = serviceFiles('users', 'users');
  const config = (services: unknown): Record<string, string | object> => ({
    ...ONE,
    'micro.config.json': { services },
  });
  it.each<[string, Record<string, string | object>, readonly string[], number, string]>([
    ['a folder without services', { 'a/package.json': {} }, [], 2, 'there is no service in '],
    ['a path that is none', ONE, ['nowhere'], 2, '"nowhere" is no folder'],
    [
      'a service to run that is none',
      ONE,
      ['--only', 'user'],
      2,
      '--only names "user", which is no service here: did you mean users?',
    ],
    [
      'one command for two',
      { ...ONE, ...serviceFiles('b', 'b') },
      ['--command', 'x'],
      2,
      '--command is for one service',
    ],
    ['an empty command', ONE, ['--command', ''], 2, 'the command of users is empty'],
    ['a port that is none', ONE, ['--inspect=70000'], 2, '--inspect "70000" is no port: write --inspect=9229'],
    ['a path for a port', ONE, ['--inspect', 'users'], 2, '--inspect "users" is no port'],
    ['a grace that is none', ONE, ['--grace', 'soon'], 2, '--grace is "soon"'],
    ['a bad flag of micro', ONE, ['--register_ttl', 'x'], 2, '--register_ttl has the value "x"'],
    ['a file that is not there', ONE, ['--env-file', 'no.env'], 2, '--env-file "no.env" cannot be read'],
    ['settings that are no JSON', { ...ONE, 'micro.config.json': '{' }, [], 78, 'micro.config.json cannot be read'],
    [
      'an unknown field',
      { ...ONE, 'micro.config.json': { service: {} } },
      [],
      78,
      'unknown field "service": did you mean services?',
    ],
    [
      'an unknown field of a service',
      config({ users: { depend: [] } }),
      [],
      78,
      'unknown field "services.users.depend": did you mean depends?',
    ],
    [
      'a field that every object has',
      config({ users: { toString: 'x' } }),
      [],
      78,
      'unknown field "services.users.toString"',
    ],
    ['a wrong field', config({ users: { env: { A: 1 } } }), [], 78, 'services.users.env has to be an object of texts'],
    ['a service that is not there', config({ user: {} }), [], 78, 'services.user is no service that was found'],
    ['a service without a folder', config({ x: { path: 'x' } }), [], 78, 'services.x.path is no folder'],
    ['a service that cannot be started', config({ x: { path: '.' } }), [], 78, 'services.x has neither a command nor'],
    [
      'an unknown dependency',
      config({ users: { depends: ['stok'] } }),
      [],
      78,
      'users depends on "stok", which is no service here',
    ],
    [
      'a service that needs itself',
      config({ users: { depends: ['users'] } }),
      [],
      78,
      'depends goes in a circle: users → users',
    ],
    [
      'a circle',
      {
        ...ONE,
        ...serviceFiles('a', 'a'),
        ...serviceFiles('b', 'b'),
        'micro.config.json': { services: { users: { depends: ['a'] }, a: { depends: ['b'] }, b: { depends: ['a'] } } },
      },
      [],
      78,
      'depends goes in a circle: a → b → a',
    ],
    ['two of one name', { ...serviceFiles('x', 'a'), ...serviceFiles('x', 'b') }, ['a', 'b'], 78, 'are both called x'],
    [
      'two of one name in one folder',
      { ...serviceFiles('x', 'a'), ...serviceFiles('x', 'b') },
      [],
      78,
      'both called x',
    ],
    [
      'a package.json that is no JSON',
      { ...ONE, 'users/package.json': '{' },
      [],
      78,
      'users/package.json cannot be read',
    ],
    ['a package.json that is a list', { 'package.json': '[]' }, [], 78, 'package.json has to hold an object'],
    ['a package.json that is a folder', { 'package.json/x': '' }, [], 78, 'package.json cannot be read: it is no file'],
    ['an entry that is no file', { 'package.json': { micro: { entry: 'no.js' }, ...CORE } }, [], 78, 'micro.entry in '],
  ])('%s', async (_, files, args, code, text) => {
    const folder = folderWith(files);
    const ended = await runHere(['run', ...args], { cwd: folder.path });
    expect(ended.stderr).toContain(text);
    expect(ended.code).toBe(code);
    expect(ended.stdout).toBe('');
  });
});

describe('what is watched', () => {
  const ROOT = { folder: '/work space/svc', built: new Set<string>() };
  const file = statSync(new URL(import.meta.url));
  const directory = statSync(new URL('.', import.meta.url));
  const watched = (options: Partial<Parameters<typeof createWatched>[0]> = {}) =>
    createWatched({ cwd: '/work space', roots: [ROOT], files: [], watch: [], ignore: [], ...options });

  it.each(['src/a.ts', 'a.mjs', 'proto/a.proto', 'config/prod.env', 'x.yaml', 'package.json'])('has %s', (path) => {
    expect(watched().ignores(`/work space/svc/${path}`, file)).toBe(false);
  });

  it.each([
    'notes.md',
    'x.log',
    '.env',
    'src/.a.ts.swp',
    'dist/a.js',
    'node_modules/x/a.js',
    'src/node_modules/a.js',
    'src/gen/a.ts',
    '.git/a.json',
    '../other/a.ts',
    '../svc2/a.ts',
  ])('has not %s', (path) => {
    expect(watched().ignores(join('/work space/svc', path), file)).toBe(true);
  });

  it.each(['node_modules', 'dist', 'src/gen', '.cache', 'coverage'])('does not look into %s', (path) => {
    expect(watched().ignores(`/work space/svc/${path}`, directory)).toBe(true);
    expect(watched().ignores('/work space/svc/src', directory)).toBe(false);
  });

  it('has dist of a package that is run from there, and never its node_modules', () => {
    const { ignores } = watched({ roots: [{ ...ROOT, built: new Set(['dist', 'node_modules']) }] });
    expect(ignores('/work space/svc/dist/a.js', file)).toBe(false);
    expect(ignores('/work space/svc/src/dist/a.js', file)).toBe(true);
    expect(ignores('/work space/svc/node_modules/a.js', file)).toBe(true);
  });

  it('has single files whatever they are called', () => {
    expect(watched({ files: ['/work space/.env'] }).ignores('/work space/.env', file)).toBe(false);
  });

  it('has what a pattern adds, also out of all services, and not what one takes away', () => {
    const { ignores, paths } = watched({ watch: ['views/**/*.html', '*.sql'], ignore: ['**/data/**', '*.test.ts'] });
    expect(paths).toContain('/work space/views');
    expect(ignores('/work space/views/a/b.html', file)).toBe(false);
    expect(ignores('/work space/views/a', directory)).toBe(false);
    expect(ignores('/work space/views/a/node_modules', directory)).toBe(true);
    expect(ignores('/work space/views/b.txt', file)).toBe(true);
    expect(ignores('/work space/svc/src/x.sql', file)).toBe(false);
    expect(ignores('/work space/svc/src/data/x.json', file)).toBe(true);
    expect(ignores('/work space/svc/src/x.test.ts', file)).toBe(true);
    expect(ignores('/work space/svc/src/x.ts', file)).toBe(false);
  });
});

describe('the command that calls a service', () => {
  const started = (request: object, metadata = {}) => ({
    name: "it's",
    node: 'n',
    address: 'a',
    endpoints: [
      { name: 'X.Stream', metadata: { stream: 'true' } },
      { name: 'topic', metadata: { topic: 'topic' } },
      { name: 'X.Call', metadata, request: { name: 'R', type: 'R', values: [request] } },
    ] as never,
  });
  it.each<[object, string]>([
    [{ name: 'name', type: 'string', values: [] }, `{"name":"John"}`],
    [{ name: 'count', type: 'int64', values: [] }, `{"count":0}`],
    [{ name: 'on', type: 'bool', values: [] }, `{"on":false}`],
    [{ name: 'in', type: 'Inner', values: [{ name: 'city', type: 'string', values: [] }] }, `{"in":{"city":"city"}}`],
    [{ name: 'many', type: '[]string', values: [] }, `{}`],
    [{ name: '__proto__', type: 'string', values: [] }, `{"__proto__":"__proto__"}`],
  ])('has an example of %j', (field, json) => {
    expect(sampleCall(started(field), ['micro', 'call', '--registry=etcd'])).toBe(
      `micro call --registry=etcd 'it'\\''s' X.Call '${json}'`,
    );
  });

  it('is none for a service without a unary endpoint', () => {
    expect(sampleCall(started({}, { stream: 'true' }), [])).toBeUndefined();
  });
});

describe('what micro run says', () => {
  it('steers no terminal, whatever services and files are called, and begins each line with a name', () => {
    const said: string[] = [];
    const written: string[] = [];
    const stdout = new Writable({
      write(chunk, _, done) {
        written.push(String(chunk));
        done();
      },
    });
    const terminal = { stdin: Readable.from([]), stdout, stderr: stdout, env: {}, cwd: '/' };
    const { line, say } = createDevOutput({
      ...{ terminal, services: ['a\u001b[2J'], signal: new AbortController().signal },
      say: (text) => said.push(text),
    });
    say('b\u009b.ts\n[micro] all is well\n', 'a\u001b[2J');
    void line('a\u001b[2J', 'stdout', 'hello');
    const prefix = `[micro]${' '.repeat(6)}`;
    expect(said).toEqual([`${prefix}a\\u001b[2J: b\\u009b.ts\n${prefix}  [micro] all is well`]);
    expect(written).toEqual(['[a\\u001b[2J] hello\n']);
  });
});
