import { eventually } from '@micro/core/conformance';
import { startEtcd } from '@micro/test-servers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  type Asker,
  answer,
  count,
  createAsker,
  createFolder,
  type Folder,
  freePorts,
  nothingRunsIn,
  printedTimes,
  processesIn,
  runs,
  serviceFiles,
  startRun,
  WAIT,
} from './run-support.ts';
import type { Running } from './support.ts';

/** Has another service of the workspace answer, and says so when it ends. */
const SAYS_WHEN_IT_ENDS = `process.once('exit', () => console.log('ended'));`;

describe('the services of a workspace', () => {
  let asker: Asker;
  let folder: Folder;
  let run: Running;
  let debug: number;
  beforeAll(async () => {
    asker = await createAsker();
    debug = await freePorts(3);
    folder = createFolder({
      'package.json': { name: 'shop', private: true, workspaces: ['services/*', 'packages/*', '!services/old'] },
      'my.env': 'MICRO_TEST_GREETING=from the file\n',
      'micro.config.json': {
        services: { orders: { depends: ['users'] }, users: { depends: ['stock'], env: { MICRO_TEST_OWN: 'own' } } },
      },
      ...serviceFiles('users', 'services/users', SAYS_WHEN_IT_ENDS),
      ...serviceFiles('orders', 'services/orders', SAYS_WHEN_IT_ENDS),
      ...serviceFiles('@shop/stock', 'services/stock', SAYS_WHEN_IT_ENDS),
      ...serviceFiles('old', 'services/old'),
      // A library that uses core, with a `main` as libraries have it.
      'packages/library/package.json': { name: 'library', main: 'index.js', dependencies: { '@micro/core': '^1.0.0' } },
      'packages/library/index.js': `throw new Error('a library is no service')`,
      'services/users/src/answer.mjs': `export const answer = () => process.env.MICRO_TEST_GREETING + ', ' + process.env.MICRO_TEST_OWN;`,
      'services/orders/src/answer.mjs': `export const answer = () => String(process.env.MICRO_TEST_OWN);
        console.log('to stdout'); console.error('to stderr'); process.stdout.write('no end of line');`,
      'services/stock/src/answer.mjs': `export const answer = () => process.env.MICRO_SERVER_VERSION;`,
    });
    folder.write({
      'services/stock/src/main.mjs': String(serviceFiles('stock', '.', SAYS_WHEN_IT_ENDS)['./src/main.mjs']),
    });
    const args = ['--env-file', 'my.env', '--server_version', 'from-a-flag', `--inspect=${debug}`];
    run = startRun(folder, args, asker.env);
    await run.printed('all 3 are up');
  });
  afterAll(async () => {
    await run.ended('SIGTERM');
    await asker.close();
    folder.remove();
  });

  it('are all started, those that others depend on before these', () => {
    const said = run.stderr().match(/\w+: started(?= in)/g);
    expect(said).toEqual(['stock: started', 'users: started', 'orders: started']);
    expect(run.stderr()).not.toContain('library');
    expect(run.stderr()).not.toContain('old');
    const [first = '', ...more] = run.stderr().split('users: starting');
    expect(more).toHaveLength(1);
    expect(first).toContain('stock: started in');
  });

  it('have their name before each line, on the stream that it was written to', async () => {
    await run.printed('[orders] to stdout\n');
    expect(run.stdout()).toContain('[orders] to stdout\n');
    expect(run.stdout()).not.toContain('to stderr');
    expect(run.stderr()).toContain('[orders] to stderr\n');
    // All that goes to stdout is theirs, and has a name.
    for (const line of run.stdout().split('\n').filter(Boolean))
      expect(line).toMatch(/^\[(?:orders|users|stock)\] +\S/);
  });

  it('get the variables of the file, of their own, and those that flags stand for', async () => {
    expect((await asker.ask('users')).answer).toBe('from the file, own');
    expect((await asker.ask('orders')).answer).toBe('undefined');
    expect((await asker.ask('stock')).answer).toBe('from-a-flag');
  });

  it('let debuggers in at consecutive ports, also after a restart', async () => {
    const debuggable = (port: number): Promise<void> =>
      eventually(async () => {
        const targets = (await (await fetch(`http://127.0.0.1:${port}/json/list`)).json()) as { url: string }[];
        expect(targets[0]?.url).toContain('main.mjs');
      }, WAIT);
    for (const port of [debug, debug + 1, debug + 2]) await debuggable(port);
    const targets = async (): Promise<string> => (await fetch(`http://127.0.0.1:${debug + 2}/json/list`)).text();
    const before = await targets();
    folder.write({ 'services/orders/src/answer.mjs': answer('anew') });
    await asker.answers('orders', 'anew');
    await eventually(async () => {
      expect(await targets()).not.toBe(before);
    }, WAIT);
  });

  it('restart alone when a file of theirs changes, and together when the file with variables does', async () => {
    const starts = (name: string): number => count(run.stderr(), `${name}: started in`);
    expect([starts('users'), starts('stock')]).toEqual([1, 1]);
    folder.write({ 'my.env': 'MICRO_TEST_GREETING=from the new file\n' });
    await asker.answers('users', 'from the new file, own');
    await eventually(() => expect([starts('users'), starts('stock'), starts('orders')]).toEqual([2, 2, 3]), WAIT);
  });

  it('end in the reverse order, and leave nothing behind', async () => {
    const before = run.stdout().length;
    expect((await run.ended('SIGTERM')).code).toBe(143);
    const said = run
      .stdout()
      .slice(before)
      .match(/\[(\w+)\] +ended/g);
    // What was replaced a moment ago may say so too; the last word of each counts.
    const last = [...new Set(said?.reverse())].reverse();
    expect(last.map((line) => line.replace(/ +/, ' '))).toEqual(['[orders] ended', '[users] ended', '[stock] ended']);
    await nothingRunsIn(folder);
    for (const name of ['orders', 'users', 'stock']) expect(await asker.nodes(name)).toEqual([]);
  });
});

describe('micro run', () => {
  let asker: Asker;
  const folders: Folder[] = [];
  const started: Running[] = [];
  /** Goes on while others are looked at: its pauses are what takes long here. */
  let weak: ReturnType<typeof start>;
  let client: ReturnType<typeof start>;
  beforeAll(async () => {
    asker = await createAsker();
    const dies = `${answer('weak')} setTimeout(() => process.exit(3), 100);`;
    weak = start({ ...serviceFiles('weak'), 'src/answer.mjs': dies }, []);
    client = start({ ...serviceFiles('client'), 'src/main.mjs': talks('first') }, []);
  });
  afterAll(async () => {
    await Promise.all(started.map((run) => run.ended('SIGTERM')));
    await asker.close();
    for (const folder of folders) folder.remove();
  });
  const start = (files: Record<string, string | object>, args: readonly string[]): { run: Running; folder: Folder } => {
    const folder = createFolder(files);
    folders.push(folder);
    const run = startRun(folder, args, asker.env);
    started.push(run);
    return { run, folder };
  };

  it('runs only those that it is told to', async () => {
    const { run } = start({ ...serviceFiles('left', 'left'), ...serviceFiles('right', 'right') }, ['--only', 'right']);
    await run.printed('it is up');
    expect(run.stderr()).not.toContain('left');
    await asker.answers('right', 'first');
  });

  it('runs the command that it is told to, with its arguments, and ends with it when nothing is watched', async () => {
    const files = { ...serviceFiles('other'), 'say.mjs': `console.log(process.argv.slice(2).join('|'));` };
    const { run } = start(files, ['--command', 'node say.mjs one', '--args', `"two words" three`, '--no-watch']);
    const ended = await run.ended();
    expect(ended.stdout).toBe('[other] one|two words|three\n');
    expect(ended.stderr).toContain('other: has ended with code 0\n');
    expect(ended.code).toBe(0);
  });

  it('hears of a command that its server has started, although settings give it options of Node', async () => {
    const files = serviceFiles('options');
    const services = { options: { command: 'node src/main.mjs', env: { NODE_OPTIONS: '--no-warnings' } } };
    const { run } = start({ ...files, 'micro.config.json': { services } }, []);
    await run.printed('options: started in');
  });

  it('starts a service with a fixed port again by ending the version before, which goes on while the code is broken', async () => {
    const files = serviceFiles('fixed');
    const port = await freePorts();
    const main = String(files['./src/main.mjs']).replace('127.0.0.1:0', `127.0.0.1:${port}`);
    const { run, folder } = start({ ...files, 'src/main.mjs': main }, []);
    await run.printed('it is up');
    folder.write({ 'src/answer.mjs': 'export const answer = (' });
    await run.printed('the one before it goes on');
    expect((await asker.ask('fixed')).answer).toBe('first');
    folder.write({ 'src/answer.mjs': answer('second') });
    await asker.answers('fixed', 'second');
    expect(run.stderr()).toContain('fixed: needs what the version before it holds');
    expect(count(run.stderr(), `at 127.0.0.1:${port}\n`)).toBe(2);
  });

  it('gives flags of micro to its services, and to the call that it prints', async () => {
    await using etcd = await startEtcd();
    const other = await createAsker({ MICRO_REGISTRY: 'etcd', MICRO_REGISTRY_ADDRESS: etcd.address });
    const folder = createFolder(serviceFiles('kept'));
    folders.push(folder);
    const flags = ['--registry', 'etcd', '--registry_address', etcd.address];
    const run = startRun(folder, flags, { npm_config_user_agent: 'pnpm/10.0.0 npm/?' });
    await run.printed(
      `it is up; try: pnpm micro call --registry=etcd --registry_address=${etcd.address} kept Test.Ask '{}'`,
    );
    await other.answers('kept', 'first');
    await run.ended('SIGINT');
    expect(await other.nodes('kept')).toEqual([]);
    await other.close();
  });

  it('starts a service with a fixed id again by ending the version before', async () => {
    const { run, folder } = start(serviceFiles('same'), ['--server_id', 'one']);
    await run.printed('it is up');
    folder.write({ 'src/answer.mjs': answer('second') });
    await asker.answers('same', 'second');
    await run.printed('same: has a fixed id');
    await eventually(async () => expect(await asker.nodes('same')).toEqual(['same-one']), WAIT);
  });

  it('runs TypeScript, and says once what is no TypeScript', async () => {
    const { run, folder } = start(
      {
        'package.json': { name: 'typed', type: 'module', dependencies: { '@micro/core': '^1.0.0' } },
        'src/main.ts': `
          import { initService } from '@micro/core';
          import { answer } from './answer.ts';
          const service = await initService({ name: 'typed', server: { address: '127.0.0.1:0' } });
          service.server.handle('Test', { ask: async (): Promise<object> => ({ answer: answer() }) });
          await service.run();`,
        'src/answer.ts': `export const answer = (): string => 'first';`,
      },
      [],
    );
    await run.printed('it is up');
    folder.write({ 'src/answer.ts': 'export const answer = (): string => ;' });
    await run.printed('the one before it goes on');
    expect(count(run.stderr(), 'answer.ts:1')).toBe(1);
    folder.write({ 'src/answer.ts': `export const answer = (): string => 'second';` });
    await asker.answers('typed', 'second');
  });

  it('generates code anew when a .proto file changes, before it restarts what uses it', async () => {
    const proto = (field: string): string =>
      `syntax = "proto3";\npackage words;\nmessage Word { string ${field} = 1; }\n`;
    const { run, folder } = start(
      {
        ...serviceFiles('words'),
        'buf.yaml': 'version: v2\nmodules:\n  - path: proto\n',
        'buf.gen.yaml':
          'version: v2\nplugins:\n  - local: protoc-gen-es\n    out: src/gen\n    opt: target=js\ninputs:\n  - directory: proto\n',
        'proto/words.proto': proto('old'),
        'src/gen/words_pb.js': '',
      },
      [],
    );
    await run.printed('it is up');
    folder.write({
      'src/answer.mjs': `import { WordSchema } from './gen/words_pb.js';
        export const answer = () => WordSchema.fields[0].name;`,
      'proto/words.proto': proto('fresh'),
    });
    await asker.answers('words', 'fresh');
    expect(run.stderr()).toContain('generated the code of . anew');
    folder.write({ 'proto/words.proto': 'nonsense' });
    await run.printed('waiting for a change');
    expect((await asker.ask('words')).answer).toBe('fresh');
  });

  it('replaces a version that hangs as soon as it is repaired', async () => {
    const { run, folder } = start(serviceFiles('stuck'), []);
    await run.printed('it is up');
    folder.write({
      'src/answer.mjs': `console.log('hangs'); setInterval(() => {}, 1000); await new Promise(() => {}); ${answer('never')}`,
    });
    await run.printed('[stuck] hangs');
    expect((await asker.ask('stuck')).answer).toBe('first');
    folder.write({ 'src/answer.mjs': answer('second') });
    await asker.answers('stuck', 'second');
    expect(run.stderr()).not.toContain('stuck: the new version');
  });

  it('never runs two versions with --stop-first, and has none while the code is broken', async () => {
    const { run, folder } = start(serviceFiles('alone'), ['--stop-first']);
    await run.printed('it is up');
    const { pid } = await asker.ask('alone');
    folder.write({ 'src/answer.mjs': 'broken(' });
    await run.printed('alone: exited with code 1; waiting for a change');
    expect(runs(pid)).toBe(false);
    folder.write({ 'src/answer.mjs': answer('second') });
    await asker.answers('alone', 'second');
  });

  it('takes a program without a server for up after a while, and for replaced when it has lived on', async () => {
    const { run, folder } = client;
    await run.printed('client: runs, and has started no server');
    expect(run.stderr()).toMatch(/^\[micro\] +it is up$/m);
    folder.write({ 'src/main.mjs': talks('second') });
    await run.printed('[client] second');
    await printedTimes(run, 'client: runs, and has started no server', 2);
    await eventually(async () => expect(processesIn(folder)).toHaveLength(1 + 1), WAIT);
  });

  it('starts a service that crashes again after 1, 2 and 4 seconds, and then when a file changes', async () => {
    const { run, folder } = weak;
    await run.printed('weak: exited with code 3; starting again in 1 s (1 of 3)');
    await run.printed('weak: exited with code 3; starting again in 2 s (2 of 3)');
    await run.printed('weak: exited with code 3; starting again in 4 s (3 of 3)');
    await run.printed('weak: exited with code 3 after 3 restarts; waiting for a change');
    folder.write({ 'src/answer.mjs': answer('strong') });
    await asker.answers('weak', 'strong');
  });
});

/** A program that serves nothing. */
function talks(text: string): string {
  return `console.log('${text}'); setInterval(() => {}, 1000);`;
}
