import { expect, test } from 'vitest';
import { MICRO_FLAGS } from '../../src/cmd/micro-flags.ts';
import { ROOT } from '../architecture/run-page.ts';
import { commandsOf, faultOf, readRepository } from './commands.ts';
import { pages } from './pages.ts';

/** Variables that a page says are not there. */
const ONLY_IN_GO = ['MICRO_PROXY', 'MICRO_NETWORK'];

const repository = readRepository(ROOT);

function named(text: string, pattern: RegExp): readonly string[] {
  return [...text.matchAll(pattern)].map(([, name = '']) => name);
}

function faults(path: string, text: string): readonly string[] {
  return commandsOf({ path, text }).flatMap((command) => {
    const fault = faultOf(command, path, repository);
    return fault === undefined ? [] : [`${path}:${command.line}: ${fault}`];
  });
}

test('every command of a page names scripts, flags, packages, programs and variables that there are', () => {
  expect(pages().flatMap(({ path, text }) => faults(path, text))).toEqual([]);
});

test('the page of flags has a row for each flag and no other', () => {
  const page = pages().find(({ path }) => path === 'docs/components/cmd.md')?.text ?? '';
  const [, section = ''] = page.split('\n## The flags\n');
  const cells = [...(section.split('\n## ')[0] ?? '').matchAll(/^\| (`--[^|]*)\|/gm)].map(([, cell = '']) => cell);
  const listed = cells.flatMap((cell) => [...cell.matchAll(/`--(\w+)`/g)].map(([, name]) => name));
  expect(listed.sort()).toEqual([...MICRO_FLAGS.map(({ name }) => name), 'help', 'version'].sort());
});

test('every flag and variable of go-micro that a page names is one that there is', () => {
  const flags = new Set(MICRO_FLAGS.map(({ name }) => name));
  const variables = new Set([...MICRO_FLAGS.map(({ env }) => env), ...ONLY_IN_GO]);
  const known = (name: string) => variables.has(name) || repository.sourceOf('').includes(`env.${name}`);
  const unknown = pages().flatMap(({ path, text }) => [
    // A flag of go-micro has a `_` between two words; those of other programs have a `-`.
    ...named(text, /--([a-z]+(?:_[a-z]+)+)\b/g).flatMap((name) => (flags.has(name) ? [] : [`${path} names --${name}`])),
    ...named(text, /\b(MICRO(?:_[A-Z]+)+)\b/g).flatMap((name) => (known(name) ? [] : [`${path} names ${name}`])),
  ]);
  expect(unknown).toEqual([]);
});

test('commands are found in blocks, over several lines, one behind the other, and in the text', () => {
  const text = 'Run `npm run check`.\n\n```sh\nA=1 B=2 \\\nnode x.js   # why\nnpm ci && npm test\n```\n';
  expect(commandsOf({ path: 'x.md', text }).map(({ words }) => words.join(' '))).toEqual([
    'A=1 B=2 node x.js',
    'npm ci',
    'npm test',
    'npm run check',
  ]);
});

test.each([
  ['npm run chekc', 'there is no script chekc'],
  ['npm run build -w @micro/none', 'there is no script build'],
  ['npm run bench -- --wrok events', 'the script bench has no flag --wrok'],
  ['npm install @micro/core @micro/registry-none', 'there is no package @micro/registry-none'],
  ['npm install @micro/bench', '@micro/bench is not published'],
  ['npm create nothing@latest', 'there is no package create-nothing'],
  ['npm frobnicate', 'npm has no command frobnicate'],
  ['npx nothing', 'there is no program nothing'],
  ['MICRO_NOTHING=1 node x.js', 'nothing reads the variable MICRO_NOTHING'],
  ['npx micro frobnicate', 'micro has no command frobnicate'],
  ['micro call x y --frobnicate', 'micro call has no flag --frobnicate'],
  ['frobnicate', 'nobody knows the program frobnicate'],
])('%s is found to be wrong', (command, fault) => {
  expect(faults('x.md', `\`\`\`sh\n${command}\n\`\`\`\n`)).toEqual([expect.stringContaining(fault)]);
});

test.each([
  'npm ci && npm test',
  'npm run build -w @micro/core',
  'npm run bench -- --work events --in-flight 1,64',
  'npm install --save-dev typescript@7 @micro/core',
  'MICRO_REGISTRY=memory npm start -- --registry=memory',
  'npx vitest run test/logger',
  'npm create micro@latest helloworld && npm run dev',
  'npx micro call helloworld Helloworld.Call --registry etcd',
])('%s is right', (command) => {
  expect(faults('x.md', `\`\`\`sh\n${command}\n\`\`\`\n`)).toEqual([]);
});
