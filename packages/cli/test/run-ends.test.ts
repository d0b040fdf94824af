import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { eventually } from '@micro/core/conformance';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { microOnPty } from './pty.ts';
import {
  type Asker,
  createAsker,
  createFolder,
  type Folder,
  nothingRunsIn,
  runs,
  serviceFiles,
  startRun,
  WAIT,
} from './run-support.ts';
import type { Running } from './support.ts';

/** Starts another process that wants to stay. */
const STUBBORN = `
  import { spawn } from 'node:child_process';
  const code = "process.on('SIGTERM', () => {}); console.log('grandchild', process.pid); setInterval(() => {}, 1000);";
  spawn(process.execPath, ['-e', code], { stdio: 'inherit' });`;

/** Does not end when it is asked to, but says that it was. */
const DEAF = `process.on('SIGTERM', () => console.log('was asked')); setInterval(() => {}, 1000);`;

describe('when micro run ends', () => {
  let asker: Asker;
  const folders: Folder[] = [];
  const started: Running[] = [];
  beforeAll(async () => {
    asker = await createAsker();
  });
  afterEach(async () => {
    await Promise.all(started.splice(0).map((run) => run.ended('SIGKILL')));
    await Promise.all(folders.map(nothingRunsIn));
    for (const folder of folders.splice(0)) folder.remove();
  });
  afterAll(() => asker.close());

  const start = (files: Record<string, string | object>, args: readonly string[]): Running => {
    const folder = createFolder(files);
    folders.push(folder);
    const run = startRun(folder, args, asker.env);
    started.push(run);
    return run;
  };
  const grandchild = async (run: Running): Promise<number> => {
    await run.printed('grandchild ');
    return Number(/grandchild (\d+)/.exec(run.stdout())?.[1]);
  };

  it('what a service has started and does not listen is killed after the grace', async () => {
    const run = start(serviceFiles('parent', '.', STUBBORN), ['--grace', '500ms']);
    await run.printed('it is up');
    const pid = await grandchild(run);
    expect(runs(pid)).toBe(true);
    expect((await run.ended('SIGTERM')).code).toBe(143);
    expect(runs(pid)).toBe(false);
    expect(await asker.nodes('parent')).toEqual([]);
  });

  it('by a second Ctrl-C, nobody is waited for', async () => {
    const run = start({ ...serviceFiles('deaf'), 'src/main.mjs': `${DEAF} console.log('grandchild', process.pid)` }, [
      '--grace',
      '1h',
    ]);
    const pid = await grandchild(run);
    run.child.kill('SIGINT');
    // Not before, as two signals that come as one are one; and no third one, which would find nobody who listens.
    await run.printed('was asked');
    expect(run.child.exitCode).toBe(null);
    expect((await run.ended('SIGINT')).code).toBe(130);
    await eventually(() => expect(runs(pid)).toBe(false), WAIT);
  });

  it('by SIGHUP while services start, nothing is left either', async () => {
    const run = start(serviceFiles('early'), []);
    await run.printed('early: starting');
    expect((await run.ended('SIGHUP')).code).toBe(129);
    await nothingRunsIn(folders[0] as Folder);
    expect(await asker.nodes('early')).toEqual([]);
  });

  it('by SIGKILL, its services end by themselves and take leave', async () => {
    const run = start(serviceFiles('orphan', '.', STUBBORN), ['--grace', '1s']);
    await run.printed('it is up');
    const pid = await grandchild(run);
    await run.ended('SIGKILL');
    await nothingRunsIn(folders[0] as Folder);
    expect(runs(pid)).toBe(false);
    expect(await asker.nodes('orphan')).toEqual([]);
  });

  it('since nobody reads it any more, its services end too', async () => {
    const run = start(serviceFiles('unread', '.', `setInterval(() => console.log('tick'), 20).unref();`), []);
    await run.printed('[unread] tick');
    run.child.stdout.destroy();
    expect((await run.ended()).code).toBe(0);
    await nothingRunsIn(folders[0] as Folder);
  });

  it('a program that cannot be run was told of, and makes it fail', async () => {
    const run = start(serviceFiles('none'), ['--no-watch', '--command', './is-not-there']);
    const { code, stderr } = await run.ended();
    expect(stderr).toContain('none: cannot be started: ');
    expect(code).toBe(1);
  });

  it('by Ctrl-C on a terminal, where names have colours and log lines are made for people', async () => {
    const folder = createFolder(serviceFiles('shown'));
    folders.push(folder);
    writeFileSync(join(folder.path, 'log.env'), 'MICRO_LOG_LEVEL=info\n');
    const env = { MICRO_REGISTRY_ADDRESS: asker.env.MICRO_REGISTRY_ADDRESS };
    const args = ['run', '--env-file', 'log.env', '--ignore', '**/packages/**'];
    const pty = microOnPty(args, { cwd: folder.path, env, columns: 200 });
    // The one comes through a pipe and the other by a message: which is first nobody knows.
    for (const text of ['INFO: registration: registered', 'it is up'])
      await eventually(() => expect(pty.shown()).toContain(text), WAIT);
    pty.type('\u0003');
    const { code, shown } = await pty.ended();
    expect(code).toBe(130);
    expect(shown).not.toContain('"level":"info"');
    expect(await asker.nodes('shown')).toEqual([]);
  });
});
