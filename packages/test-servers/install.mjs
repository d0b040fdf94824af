/*
 * Installs the servers that the tests start, and the shells that they complete in, where they are missing: from Debian
 * packages, as root or with `sudo -n`, and without starting any of them as a daemon; kube-apiserver is built with Go. Says
 * what it does, and nothing when all are there. Where it can do neither it says what to do by hand; the tests that need
 * them are skipped then. With `CI` set they are not, so being without one fails here.
 */
import { spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { buildKubernetes } from './kubernetes/build.mjs';

const PACKAGES = {
  etcd: 'etcd-server',
  etcdctl: 'etcd-client',
  'redis-server': 'redis-server',
  'nats-server': 'nats-server',
  ip: 'iproute2',
  zsh: 'zsh',
  fish: 'fish',
};
/** Where Debian puts servers; not on everybody's PATH. */
const FOLDERS = [
  ...(process.env.PATH ?? '').split(delimiter),
  '/usr/local/sbin',
  '/usr/local/bin',
  '/usr/sbin',
  '/sbin',
];
const INSTALL_MS = 10 * 60_000;

/** What is given as arguments is installed. invoke-rc.d asks policy-rc.d whether it may start what a package brings. */
const SCRIPT = `
set -u
export DEBIAN_FRONTEND=noninteractive
if [ ! -e /usr/sbin/policy-rc.d ]; then
  trap 'rm -f /usr/sbin/policy-rc.d' EXIT
  printf '#!/bin/sh\\nexit 101\\n' >/usr/sbin/policy-rc.d && chmod 755 /usr/sbin/policy-rc.d || exit 1
fi
# Somebody else's source that cannot be reached is no reason to go without Debian's.
apt-get -qq -o DPkg::Lock::Timeout=120 update
apt-get -qq -y -o DPkg::Lock::Timeout=300 install --no-install-recommends "$@"
`;

const faults = [installPackages(), buildKubernetes()].filter((fault) => fault !== undefined);
for (const fault of faults) console.log(`test servers: ${fault}`);
if (faults.length > 0 && (process.env.CI ?? '') !== '') {
  console.log('CI is set, so every server is required.');
  process.exitCode = 1;
}

function installPackages() {
  const packages = missingPackages();
  if (packages.length === 0) return undefined;
  const byHand = `install ${packages.join(', ')} by hand, or the tests that need them are skipped`;
  if (process.platform !== 'linux' || !isThere('apt-get')) return `there is no apt-get here; ${byHand}`;
  const asRoot = process.getuid() === 0 ? [] : ['sudo', '-n'];
  if (asRoot.length > 0 && spawnSync('sudo', ['-n', 'true']).status !== 0) {
    return `only root can install packages, and sudo -n cannot be used here; ${byHand}`;
  }
  console.log(`Installing ${packages.join(', ')} for the tests, from Debian packages. No daemon is started.`);
  const started = performance.now();
  const [program, ...args] = [...asRoot, 'sh', '-c', SCRIPT, 'install', ...packages];
  const { stdout, stderr, error } = spawnSync(program, args, {
    encoding: 'utf8',
    timeout: INSTALL_MS,
    maxBuffer: 64 << 20,
  });
  const left = missingPackages();
  if (left.length > 0) {
    const said = (error?.message ?? `${stdout}\n${stderr}`).trim().split('\n').slice(-10).join('\n');
    return `${left.join(', ')} could not be installed; ${byHand}. The last that was said:\n${said}`;
  }
  console.log(`Installed them in ${Math.round((performance.now() - started) / 1_000)} s.`);
  return undefined;
}

function missingPackages() {
  return Object.keys(PACKAGES)
    .filter((program) => !isThere(program))
    .map((program) => PACKAGES[program]);
}

function isThere(program) {
  return FOLDERS.some(
    (folder) => folder !== '' && existsSync(join(folder, program)) && isExecutable(join(folder, program)),
  );
}

function isExecutable(path) {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
