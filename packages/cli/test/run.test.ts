import { appendFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { eventually } from '@micro/core/conformance';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  type Asker,
  answer,
  count,
  createAsker,
  createFolder,
  type Folder,
  nothingRunsIn,
  printedTimes,
  runs,
  serviceFiles,
  startRun,
  WAIT,
} from './run-support.ts';
import type { Running } from './support.ts';

describe('a service that micro run runs', () => {
  let asker: Asker;
  let folder: Folder;
  let run: Running;
  beforeAll(async () => {
    asker = await createAsker();
    folder = createFolder(serviceFiles('@acme/greeter'));
    folder.write({ 'src/main.mjs': String(serviceFiles('greeter')['./src/main.mjs']) });
    run = startRun(folder, [], asker.env);
    await run.printed('it is up');
  });
  afterAll(async () => {
    await run.ended('SIGTERM');
    await asker.close();
    folder.remove();
  });

  const save = (text: string): void => folder.write({ 'src/answer.mjs': text });
  const starts = (): number => count(run.stderr(), 'greeter: started in');

  it('is called by the command that is printed', async () => {
    expect(run.stderr()).toContain("[micro]   it is up; try: micro call greeter Test.Ask '{}'");
    expect((await asker.ask('greeter')).answer).toBe('first');
  });

  it('does what the code says soon after it was saved, and the version before it is gone', async () => {
    const { pid } = await asker.ask('greeter');
    save(answer('second'));
    const ms = await asker.answers('greeter', 'second');
    console.log(`new behaviour ${Math.round(ms)} ms after the save`);
    // Less than the 30 s after which a version that says nothing is given up, whatever the machine.
    expect(ms).toBeLessThan(25_000);
    expect(run.stderr()).toContain('greeter: src/answer.mjs changed');
    await eventually(() => expect(runs(pid)).toBe(false), WAIT);
    // By mDNS a node that is busy may answer too late to be seen.
    await eventually(async () => expect(await asker.nodes('greeter')).toHaveLength(1), WAIT);
  });

  it('is restarted at most twice by twenty saves in a row', async () => {
    const before = starts();
    for (let at = 1; at <= 20; at++) {
      save(answer(`save ${at}`));
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    await asker.answers('greeter', 'save 20');
    // It can be called a moment before `micro run` has heard of it.
    await eventually(() => expect(starts() - before).toBeGreaterThan(0), WAIT);
    expect(starts() - before).toBeLessThanOrEqual(2);
  });

  it('goes on answering while its code is broken, which is said once, and follows when it is repaired', async () => {
    await asker.answers('greeter', 'save 20');
    save('export const answer = ((;');
    await run.printed('the new version exited with code 1; the one before it goes on; waiting for a change');
    expect((await asker.ask('greeter')).answer).toBe('save 20');
    expect(count(run.stderr(), 'SyntaxError')).toBe(1);
    save(answer('repaired'));
    await asker.answers('greeter', 'repaired');
  });

  it('goes on answering while the new version throws before it serves', async () => {
    save(`throw new Error('no settings'); ${answer('never')}`);
    await printedTimes(run, 'the one before it goes on', 2);
    expect(run.stderr()).toContain('[greeter] Error: no settings');
    expect((await asker.ask('greeter')).answer).toBe('repaired');
  });

  it('follows a file that is saved by a rename', async () => {
    const temporary = join(folder.path, 'src', '.answer.mjs.swap');
    writeFileSync(temporary, answer('renamed'));
    renameSync(temporary, join(folder.path, 'src', 'answer.mjs'));
    await asker.answers('greeter', 'renamed');
  });

  it('follows a file in a folder that was made after it was started', async () => {
    folder.write({ 'src/deep/er/words.mjs': answer('deep') });
    save(`export { answer } from './deep/er/words.mjs';\n`);
    await asker.answers('greeter', 'deep');
    folder.write({ 'src/deep/er/words.mjs': answer('deeper') });
    await asker.answers('greeter', 'deeper');
  });

  it('is left alone by files that are none of its code', async () => {
    const before = run.stderr().length;
    folder.write({ 'dist/x.js': '', '.cache/x.js': '', 'src/gen/x_pb.ts': '', 'src/x.log': '', 'coverage/x.json': '' });
    appendFileSync(join(folder.path, 'notes.md'), 'x');
    save(answer('last'));
    await asker.answers('greeter', 'last');
    expect(
      run
        .stderr()
        .slice(before)
        .match(/[^\n]* changed/g),
    ).toEqual(['[micro]   greeter: src/answer.mjs changed']);
  });

  it('leaves no process and no entry in the registry when Ctrl-C ends it', async () => {
    expect((await run.ended('SIGINT')).code).toBe(130);
    await nothingRunsIn(folder);
    expect(await asker.nodes('greeter')).toEqual([]);
  });
});
