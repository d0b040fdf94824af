import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { ROOT } from '../workspaces.mjs';

/**
 * Packs packages as npm publishes them, unpacks them again below a folder and returns what is in them: `files` with
 * forward slashes, `folder` where they are unpacked, `source` what they were packed from, `tarball`, and the sizes `packed`
 * and `unpacked` in bytes.
 */
export function pack(packages, into) {
  const chosen = packages.flatMap(({ manifest }) => ['--workspace', manifest.name]);
  const output = execFileSync('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', into, ...chosen], {
    cwd: ROOT,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
    maxBuffer: 64 * 1024 * 1024,
    shell: process.platform === 'win32',
  });
  const packed = Object.values(JSON.parse(output));
  return packages.map((workspace) => {
    const { filename, size, unpackedSize, files } = packed.find(({ name }) => name === workspace.manifest.name);
    const folder = join(into, 'node_modules', workspace.manifest.name);
    mkdirSync(folder, { recursive: true });
    const tarball = join(into, filename);
    execFileSync('tar', ['-xzf', tarball, '--strip-components=1', '-C', folder]);
    return {
      manifest: workspace.manifest,
      source: workspace.folder,
      tarball,
      folder,
      files: files.map(({ path }) => path),
      packed: size,
      unpacked: unpackedSize,
    };
  });
}

const MAP = /\.map$/;
const TEST = /\.(?:test|spec)\.|(?:^|\/)(?:tests?|__tests__)\//;

/** What a tarball has that it should not, and the other way round. `licence` is the text that all of them have. */
export function tarballFaults({ folder, source, manifest, files }, licence) {
  const read = (path) => readFileSync(join(folder, path), 'utf8');
  const has = new Set(files);
  const faults = ['LICENSE', 'README.md'].filter((path) => !has.has(path)).map((path) => `${path} is missing`);
  if (has.has('LICENSE') && read('LICENSE') !== licence) {
    faults.push('LICENSE is not that of the repository (--write copies it)');
  }
  for (const path of targets(manifest)) {
    if (!has.has(path)) faults.push(`package.json leads to ${path}, which is missing`);
  }
  for (const path of files) {
    // What is copied into somebody's new project may well be a test.
    if (TEST.test(path) && !path.startsWith('templates/')) faults.push(`${path} is a test`);
    if (MAP.test(path)) faults.push(...mapFaults(path, JSON.parse(read(path)), source));
  }
  return faults;
}

/** The files that package.json leads to. */
function targets({ exports = {}, bin = {} }) {
  const ways = Object.values(exports).flatMap((target) =>
    typeof target === 'string' ? [target] : Object.values(target),
  );
  const programs = typeof bin === 'string' ? [bin] : Object.values(bin);
  return [...ways, ...programs].map((path) => path.replace(/^\.\//, ''));
}

/** A map has its sources in it. Where the source is gone, so should be what was once built of it. */
function mapFaults(path, { sources, sourcesContent = [] }, source) {
  return sources.flatMap((name, index) => {
    if (!existsSync(join(source, dirname(path), name)))
      return [`${path} is of ${name}, which is gone: remove dist and build`];
    return typeof sourcesContent[index] === 'string' ? [] : [`${path} does not have ${name} with it`];
  });
}
