/*
 * Fails when a published package differs from its last release in what users get, and no changeset says so.
 *   node .ci/changeset-rule.mjs                       against the last release of each package
 *   node .ci/changeset-rule.mjs --since origin/main   against another branch, for a pull request: with changesets of its own
 * What is committed counts. A package that was never released has nothing to be compared with; that there was a release
 * and its tag is not here is a fault.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { relative } from 'node:path';
import { parseArgs } from 'node:util';
import parseChangeset from '@changesets/parse';
import { ROOT, workspaces } from './workspaces.mjs';

/** Users get these anyway, beside what `files` in package.json says; `dist` is built of the first two. */
const VISIBLE = ['src', 'proto', 'README.md', 'LICENSE'];
/** Users do not get these parts of package.json. */
const INVISIBLE_FIELDS = ['version', 'scripts', 'devDependencies'];
/** The remote is asked this long, in milliseconds. */
const ORIGIN_MS = 20_000;

const { since } = parseArgs({ options: { since: { type: 'string' } } }).values;
const branched = since === undefined ? undefined : git('merge-base', since, 'HEAD');
const announced = new Set(changesets(branched).flatMap(({ releases }) => releases.map(({ name }) => name)));
const faults = [];
const untagged = [];

for (const { folder, manifest } of workspaces()) {
  const path = relative(ROOT, folder).replaceAll('\\', '/');
  const now = manifestAt('HEAD', path);
  if (manifest.private || now === undefined || now.private) continue;
  const release = lastRelease(now.name);
  if (release === undefined) {
    untagged.push(now.name);
    continue;
  }
  const base = branched ?? release;
  const changed = changesSince(base, path, now);
  if (changed.length > 0 && !announced.has(now.name)) {
    faults.push(`${now.name} has changed since ${since ?? base}, and no changeset names it: ${changed.join(', ')}`);
  }
}

if (untagged.length > 0) checkUnreleased(untagged);
for (const fault of faults) console.error(fault);
if (faults.length > 0) {
  console.error('run npx changeset, and commit the file it writes');
  process.exitCode = 1;
} else {
  console.log(
    `every change has its changeset${untagged.length > 0 ? `; not released yet: ${untagged.join(', ')}` : ''}`,
  );
}

/** What users get of a package and is not as it was in that commit, or, if it has been versioned since, as it was then. */
function changesSince(base, path, now) {
  const before = manifestAt(base, path);
  const from = before?.version === now.version ? base : versionCommit(base, path, now.version);
  if (from === undefined) return [`version ${now.version}, which its changelog does not know`];
  const shipped = (now.files ?? []).map((entry) => entry.replace(/^!?(\.\/)?/, '')).filter((entry) => entry !== 'dist');
  const paths = [...new Set([...VISIBLE, ...shipped])].map((entry) => `:(literal)${path}/${entry}`);
  // Whatever came with the commit of the version, but for the version itself, came after the release.
  const start = from === base ? base : `${from}^`;
  const files = git('diff', '--name-only', start, 'HEAD', '--', ...paths)
    .split('\n')
    .filter(Boolean);
  const same = visibleFields(manifestAt(from, path)) === visibleFields(now);
  return same ? files : [...files, `${path}/package.json`];
}

/** The commit that gave a package its version, after another one; `undefined` when its changelog does not know the version. */
function versionCommit(base, path, version) {
  const [changelog = ''] = filesAt('HEAD', [`${path}/CHANGELOG.md`]);
  if (!changelog.split('\n').includes(`## ${version}`)) return undefined;
  const commits = git('log', '--format=%H', '--first-parent', `${base}..HEAD`, '--', path);
  return commits
    .split('\n')
    .filter(Boolean)
    .find(
      (commit) => manifestAt(commit, path)?.version === version && manifestAt(`${commit}^`, path)?.version !== version,
    );
}

function visibleFields(manifest) {
  const fields = Object.entries(manifest ?? {}).filter(([field]) => !INVISIBLE_FIELDS.includes(field));
  return JSON.stringify(fields.sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** The tag of the last release that this commit contains. */
function lastRelease(name) {
  const tags = git('tag', '--list', `${name}@*`, '--merged', 'HEAD', '--sort=-version:refname');
  return tags.split('\n').find(Boolean);
}

/** That a tag is missing must not be taken for a package that was never released. */
function checkUnreleased(names) {
  const shallow = git('rev-parse', '--is-shallow-repository') === 'true';
  const here = new Set(git('tag', '--list').split('\n'));
  const isRelease = (tag) => names.some((name) => tag.startsWith(`${name}@`));
  if (shallow && [...here].some(isRelease)) faults.push('the history is cut off: git fetch --unshallow --tags');
  if (git('remote').split('\n').includes('origin')) {
    const env = { ...process.env, GIT_TERMINAL_PROMPT: '0' };
    const asked = spawnSync('git', ['ls-remote', '--tags', '--refs', 'origin'], {
      cwd: ROOT,
      env,
      encoding: 'utf8',
      timeout: ORIGIN_MS,
    });
    const there = [...asked.stdout.matchAll(/\trefs\/tags\/(.+)$/gm)].map(([, tag]) => tag);
    const missing = there.find((tag) => isRelease(tag) && !here.has(tag));
    if (missing !== undefined) faults.push(`${missing} was released and its tag is not here: git fetch --tags`);
    const versioned = workspaces().some(({ folder }) => exists('HEAD', `${relative(ROOT, folder)}/CHANGELOG.md`));
    if (asked.status !== 0 && (shallow || versioned)) {
      faults.push(`whether ${names[0]} was released cannot be told: there is no tag, and origin does not answer`);
    }
  }
}

/** The changesets of this commit; only those that are new since another one, if that is given. */
function changesets(base) {
  const paths =
    base === undefined
      ? git('ls-tree', '--name-only', 'HEAD', '.changeset/')
      : git('diff', '--name-only', '--diff-filter=AM', base, 'HEAD', '--', '.changeset/');
  const files = paths.split('\n').filter((path) => path.endsWith('.md') && path !== '.changeset/README.md');
  return filesAt('HEAD', files).map((text) => {
    const { releases } = parseChangeset(text);
    return { releases: releases.filter(({ type }) => type !== 'none') };
  });
}

function manifestAt(commit, path) {
  const [text] = filesAt(commit, [`${path}/package.json`]);
  return text === undefined ? undefined : JSON.parse(text);
}

function filesAt(commit, paths) {
  return paths.filter((path) => exists(commit, path)).map((path) => git('show', `${commit}:${path}`));
}

function exists(commit, path) {
  return spawnSync('git', ['cat-file', '-e', `${commit}:${path}`], { cwd: ROOT, stdio: 'ignore' }).status === 0;
}

function git(...args) {
  return execFileSync('git', args, { cwd: ROOT, encoding: 'utf8', maxBuffer: 64 << 20 }).trim();
}
