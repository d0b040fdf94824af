/*
 * Compiles against every published package as users do: packed by npm and unpacked again, with the oldest TypeScript that
 * we support, the newest, and some in between, resolved as Node does and as bundlers do. Each way into each package is
 * checked down to its last type (`skipLibCheck` is off), and so is each example of its README; and projects as `micro new`
 * makes them are what their own settings say. Wants the packages built.
 */
import { spawn } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, relative } from 'node:path';
import { requireTool } from '../tools.mjs';
import { ROOT, workspaces } from '../workspaces.mjs';
import { pack } from './tarball.mjs';

const OLDER = ['typescript-5.4', 'typescript-5.9', 'typescript'];
/** The compilers that know what new projects ask of them. */
const SCAFFOLDS = /^(?:5\.9|[6-9])\./;
const RESOLUTIONS = {
  nodenext: { module: 'nodenext', moduleResolution: 'nodenext' },
  bundler: { module: 'esnext', moduleResolution: 'bundler' },
};
const EXAMPLE = /^```ts(?: (?<note>[^\n]*))?\n(?<code>[\s\S]*?)^```$/gm;

const compilers = [...OLDER.map((name) => compilerIn(requireTool(), name)), compilerIn(createRequire(import.meta.url))];
// Below the repository, whose node_modules has what the packages depend on, pinned; the packages themselves are nearer.
mkdirSync(join(ROOT, '.turbo'), { recursive: true });
const into = mkdtempSync(join(ROOT, '.turbo/types-'));
try {
  const unpacked = pack(
    workspaces().filter(({ manifest }) => !manifest.private),
    into,
  );
  writeFileSync(join(into, 'package.json'), '{ "type": "module", "private": true }\n');
  writeFileSync(join(into, 'ways-in.ts'), waysIn(unpacked));
  const examples = unpacked.map((one, index) => writeExamples(one, join(into, `readme-${index}`)));
  console.log(`${unpacked.length} packages, ${examples.reduce((sum, count) => sum + count, 0)} examples`);
  const runs = compilers.flatMap((compiler) =>
    Object.keys(RESOLUTIONS).map((resolution) => ({ compiler, resolution })),
  );
  for (const project of await scaffold(join(into, 'scaffolds'))) {
    for (const compiler of compilers.filter(({ version }) => SCAFFOLDS.test(version))) runs.push({ compiler, project });
  }
  // Two at a time: more memory than that is not everywhere.
  await Promise.all([drain(runs), drain(runs)]);
} finally {
  rmSync(into, { recursive: true, force: true });
}

async function drain(runs) {
  for (let run = runs.shift(); run !== undefined; run = runs.shift()) {
    await (run.project === undefined ? compile(run) : compileProject(run));
  }
}

/** Projects of users: one of each kind as `micro new` makes them, with all that a service can have. Returns their folders. */
async function scaffold(place) {
  const micro = join(ROOT, 'packages/cli/dist/micro.js');
  const projects = [
    { folder: 'complete', kind: 'service', name: 'complete', options: ['--complete'] },
    { folder: 'plain', kind: 'service', name: 'plain', options: ['--no-proto'] },
    { folder: 'shop-client', kind: 'client', name: 'shop', options: [] },
    { folder: 'store-shelf', kind: 'plugin', name: 'store-shelf', options: [] },
  ];
  mkdirSync(place);
  return Promise.all(
    projects.map(async ({ folder, kind, name, options }) => {
      const made = await node([micro, 'new', kind, name, ...options, '--no-install', '--no-git', '--yes'], place);
      if (made.status !== 0) throw new Error(`micro new ${kind} ended with ${made.status}: ${made.output}`);
      const project = join(place, folder);
      const generated = existsSync(join(project, 'proto')) ? await node([micro, 'proto'], project) : made;
      if (generated.status !== 0) throw new Error(`micro proto ended with ${generated.status}: ${generated.output}`);
      return project;
    }),
  );
}

async function compileProject({ compiler: { version, tsc }, project }) {
  const { status, output } = await node([tsc, '-p', project, '--noEmit', '--pretty', 'false']);
  console.log(`TypeScript ${version}, ${relative(into, project)}: ${status === 0 ? 'fine' : `ended with ${status}`}`);
  if (status === 0) return;
  console.log(output);
  process.exitCode = 1;
}

async function compile({ compiler: { version, tsc }, resolution }) {
  const project = join(into, `tsconfig.${version}.${resolution}.json`);
  const compilerOptions = {
    ...RESOLUTIONS[resolution],
    // The newest that the oldest compiler knows. Examples say `await using`.
    target: 'es2022',
    lib: ['es2022', 'esnext.disposable'],
    types: ['node'],
    strict: true,
    exactOptionalPropertyTypes: true,
    noUncheckedIndexedAccess: true,
    skipLibCheck: false,
    noEmit: true,
  };
  writeFileSync(project, JSON.stringify({ compilerOptions, include: ['ways-in.ts', 'readme-*/*.ts'] }));
  const began = performance.now();
  const { status, output } = await node([tsc, '-p', project, '--pretty', 'false']);
  const errors = output.split('\n').filter((line) => /\berror TS\d+:/.test(line));
  // The types of others are checked on the way to ours, and not ours to mend. Users have `skipLibCheck` for them.
  const ours = errors.filter((line) => foreignPackage(line) === undefined);
  const theirs = new Set(errors.map(foreignPackage).filter((name) => name !== undefined));
  const seconds = ((performance.now() - began) / 1000).toFixed(1);
  console.log(
    `TypeScript ${version}, ${resolution}: ${ours.length === 0 ? 'fine' : `${ours.length} errors`} after ${seconds} s` +
      (theirs.size === 0 ? '' : ` (not so the types of ${[...theirs].sort().join(', ')})`),
  );
  for (const line of ours) console.log(`  ${line}`);
  if (ours.length > 0) process.exitCode = 1;
  // Nothing that failed may pass because its output was not understood.
  else if (status !== 0 && theirs.size === 0) throw new Error(`TypeScript ${version} ended with ${status}: ${output}`);
}

/** Whose package an error is in, if it is none of the unpacked. */
function foreignPackage(line) {
  const [path] = line.split('(');
  if (!relative(into, join(ROOT, path)).startsWith('..')) return undefined;
  return /.*(?:^|\/)node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(path.replaceAll('\\', '/'))?.[1];
}

function compilerIn(require, name = 'typescript') {
  const path = require.resolve(`${name}/package.json`);
  return { version: require(path).version, tsc: join(dirname(path), 'bin/tsc') };
}

/** Everything that can be imported. */
function waysIn(packages) {
  return packages
    .flatMap(({ manifest: { name, exports = {} } }) =>
      Object.entries(exports)
        .filter(([, target]) => target.types !== undefined)
        .map(([path]) => `${name}${path.slice(1)}`),
    )
    .map((specifier, index) => `export * as way${index} from '${specifier}';\n`)
    .join('');
}

/** The examples of a README in a folder of their own, with what is generated for them. Returns how many there are. */
function writeExamples({ folder, source }, place) {
  mkdirSync(place);
  const readme = join(folder, 'README.md');
  const text = existsSync(readme) ? readFileSync(readme, 'utf8') : '';
  const examples = [...text.matchAll(EXAMPLE)]
    .map(({ groups }) => groups)
    .filter(({ note = '' }) => !/^(?:excerpt|from=)/.test(note));
  for (const [index, { note = '', code }] of examples.entries()) {
    writeFileSync(join(place, /^file=(\S+)$/.exec(note)?.[1] ?? `example-${index}.ts`), code);
  }
  const generated = join(source, 'test/gen');
  if (existsSync(generated)) cpSync(generated, join(place, 'gen'), { recursive: true });
  return examples.length;
}

function node(args, cwd = ROOT) {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, { cwd, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    const add = (text) => {
      output += text;
    };
    child.stdout.setEncoding('utf8').on('data', add);
    child.stderr.setEncoding('utf8').on('data', add);
    child.once('error', reject);
    child.once('close', (status) => resolve({ status, output }));
  });
}
