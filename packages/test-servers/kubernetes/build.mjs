/*
 * Builds kube-apiserver and kube-controller-manager with Go into a cache outside the tree, once for each version. Kubernetes
 * publishes no package of them for Debian that is newer than 1.20.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { accessSync, constants, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';

const NAMES = ['kube-apiserver', 'kube-controller-manager'];
const SOURCES = ['go.mod', 'go.sum', 'main.go'];
const BUILD_MS = 30 * 60_000;

/** The folder in the cache for what these sources make. `src/kubernetes-programs.ts` looks there, too. */
export function cachedFolder() {
  const hash = createHash('sha256');
  for (const name of SOURCES) hash.update(readFileSync(join(import.meta.dirname, name)));
  const cache = process.env.XDG_CACHE_HOME || join(homedir(), '.cache');
  return join(cache, 'micro-test-servers', `kubernetes-${hash.digest('hex').slice(0, 16)}`);
}

/** Builds the two unless they are there. Answers why they are not there afterwards, or `undefined`. */
export function buildKubernetes(say = console.log) {
  const folder = cachedFolder();
  const folders = [process.env.KUBEBUILDER_ASSETS ?? '', ...(process.env.PATH ?? '').split(delimiter), folder];
  if (folders.some((one) => one !== '' && NAMES.every((name) => isProgram(join(one, name))))) return undefined;

  const version = readVersion();
  const env = {
    // The compiler takes a fifth less time when it may leave more garbage.
    GOGC: '400',
    ...process.env,
    GOTOOLCHAIN: 'local',
    GOWORK: 'off',
    GOFLAGS: '-mod=readonly -buildvcs=false',
    CGO_ENABLED: '0',
  };
  const go = (...args) =>
    spawnSync('go', args, { cwd: import.meta.dirname, env, encoding: 'utf8', timeout: BUILD_MS, maxBuffer: 64 << 20 });
  const found = go('env', 'GOVERSION');
  if (found.error || found.status !== 0) {
    return `there is no kube-apiserver, and no Go 1.24 or newer to build one with: ${reasonOf(found)}`;
  }
  say(
    `Building kube-apiserver ${version} with ${found.stdout.trim()}, once: it takes 2 to 10 minutes. Cached in ${folder}`,
  );
  mkdirSync(folder, { recursive: true });
  const draft = mkdtempSync(`${folder}/draft-`);
  try {
    const started = performance.now();
    const named = [`gitVersion=${version}`, ...majorMinor(version), 'gitTreeState=clean'];
    const settings = named.map((one) => `-X k8s.io/component-base/version.${one}`).join(' ');
    // Not optimized: that would take a third longer, and nobody starts it often enough to get the time back.
    const built = go(
      'build',
      '-trimpath',
      '-gcflags=all=-N -l',
      `-ldflags=-s -w ${settings}`,
      '-o',
      join(draft, NAMES[0]),
      '.',
    );
    if (built.error || built.status !== 0) return `kube-apiserver ${version} could not be built: ${reasonOf(built)}`;
    symlinkSync(NAMES[0], join(draft, NAMES[1]));
    // Whoever looks sees both or none: the second name comes last.
    for (const name of NAMES) renameSync(join(draft, name), join(folder, name));
    say(`Built kube-apiserver ${version} in ${Math.round((performance.now() - started) / 1_000)} s.`);
    return undefined;
  } finally {
    rmSync(draft, { recursive: true, force: true });
  }
}

function readVersion() {
  const [, version = ''] =
    /k8s\.io\/kubernetes (v\S+)/.exec(readFileSync(join(import.meta.dirname, 'go.mod'), 'utf8')) ?? [];
  return version;
}

function majorMinor(version) {
  const [, major, minor] = /^v(\d+)\.(\d+)/.exec(version) ?? [];
  return [`gitMajor=${major}`, `gitMinor=${minor}`];
}

function reasonOf({ error, stderr, signal }) {
  if (error) return error.code === 'ENOENT' ? 'go is not installed' : error.message;
  return (stderr || `ended by ${signal}`).trim().split('\n').slice(-5).join('; ');
}

function isProgram(path) {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
