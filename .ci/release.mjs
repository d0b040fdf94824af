/*
 * Releases what the changesets in .changeset say: new versions and changelogs, a commit, a build, the checks of what is
 * packed, and what the registry does not have yet is published and tagged. The release workflow does the same in two steps.
 *   npm run release                 may be repeated when it was interrupted
 *   npm run release -- --dry-run    shows all of it, in a copy that is thrown away; asks the registry, and changes nothing
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { copyCheckout } from './copy-checkout.mjs';
import { ROOT, workspaces } from './workspaces.mjs';

/** Why there is no release, in words for the maintainer. */
class Refusal extends Error {}

const { 'dry-run': dryRun } = parseArgs({ options: { 'dry-run': { type: 'boolean', default: false } } }).values;

try {
  if (git('status', '--porcelain') !== '') throw new Refusal('there are changes that are not committed');
  run(ROOT, process.execPath, '.ci/changeset-rule.mjs');
  if (dryRun) rehearse();
  else release();
} catch (error) {
  // A command that failed has said why.
  if (error instanceof Refusal) console.error(`no release: ${error.message}`);
  else if (error.status === undefined) throw error;
  process.exitCode = 1;
}

function release() {
  const { baseBranch } = JSON.parse(readFileSync(join(ROOT, '.changeset/config.json'), 'utf8'));
  const branch = git('branch', '--show-current');
  if (branch !== baseBranch)
    throw new Refusal(`releases are made of ${baseBranch}, and this is ${branch || 'no branch'}`);
  const signed = published(ROOT).find(({ manifest }) => manifest.publishConfig?.provenance === true);
  const { ACTIONS_ID_TOKEN_REQUEST_URL: identity } = process.env;
  if (signed !== undefined && identity === undefined) {
    throw new Refusal(
      `${signed.manifest.name} is published with provenance, which npm gives to the release workflow alone; here there is --dry-run`,
    );
  }
  run(ROOT, 'npm', 'run', 'release:version');
  if (git('status', '--porcelain') !== '') {
    run(ROOT, 'git', 'add', '--all');
    run(ROOT, 'git', 'commit', '--quiet', '--message', 'Release');
  }
  run(ROOT, 'npm', 'run', 'release:publish');
  console.log('\nreleased: push it with git push --follow-tags');
}

function rehearse() {
  const folder = mkdtempSync(join(tmpdir(), 'micro-release-'));
  try {
    const copy = join(folder, 'copy');
    copyCheckout(copy);
    const before = new Map(published(copy).map(({ manifest }) => [manifest.name, manifest.version]));
    run(copy, 'npm', 'run', 'release:version');
    run(copy, 'npm', 'run', 'build', '--', '--output-logs=errors-only');
    run(copy, 'npm', 'run', 'packages:check');
    for (const workspace of published(copy)) show(workspace, before.get(workspace.manifest.name));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  console.log('\nnothing was changed and nothing was published');
}

/** One package as it would be published, with what its changelog says. */
function show({ folder, manifest: { name, version } }, before) {
  console.log(`\n${name} ${before === version ? version : `${before} → ${version}`}`);
  const changelog = join(folder, 'CHANGELOG.md');
  if (before !== version && existsSync(changelog)) {
    const [, newest = ''] = readFileSync(changelog, 'utf8').split(/^## .*$/m);
    console.log(newest.trim().replaceAll(/^/gm, '  '));
  }
  if (isPublished(name, version)) {
    console.log('  is on the registry already: it would stay as it is');
    return;
  }
  const packed = execFileSync('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], {
    cwd: folder,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [{ entryCount, size, unpackedSize }] = Object.values(JSON.parse(packed));
  console.log(`  would be published: ${entryCount} files, ${size} bytes packed, ${unpackedSize} unpacked`);
}

/** Asks the registry that npm is set to. */
function isPublished(name, version) {
  const asked = spawnSync('npm', ['view', `${name}@${version}`, 'version', '--json'], { encoding: 'utf8' });
  if (asked.status === 0) return asked.stdout.trim() !== '';
  if (/\bE404\b/.test(asked.stdout + asked.stderr)) return false;
  throw new Refusal(`the registry does not say whether it has ${name}@${version}: ${asked.stderr.trim()}`);
}

function published(root) {
  return workspaces(root).filter(({ manifest }) => !manifest.private);
}

function run(cwd, command, ...args) {
  execFileSync(command, args, { cwd, stdio: 'inherit' });
}

function git(...args) {
  return execFileSync('git', args, { cwd: ROOT, encoding: 'utf8' }).trim();
}
