/*
 * Looks at every published package as users get it: packed by npm and unpacked again. What package.json says, what the
 * tarball has, what is imported against what is declared, publint's rules and those of are-the-types-wrong. Wants the
 * packages built. With --write it writes what package.json and LICENSE of all packages have in common.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { publint } from 'publint';
import { formatMessage } from 'publint/utils';
import { requireTool } from '../tools.mjs';
import { ROOT, workspaces } from '../workspaces.mjs';
import { importFaults } from './imports.mjs';
import { manifestFaults, writeShared } from './manifest.mjs';
import { pack, tarballFaults } from './tarball.mjs';

const published = workspaces().filter(({ manifest }) => !manifest.private);

if (process.argv.includes('--write')) for (const workspace of published) writeShared(workspace);
else await check();

async function check() {
  const require = requireTool();
  const ts = require('typescript');
  const attw = await import(pathToFileURL(require.resolve('@arethetypeswrong/core')).href);
  const licence = readFileSync(join(ROOT, 'LICENSE'), 'utf8');
  const into = mkdtempSync(join(tmpdir(), 'micro-packages-'));
  let faulty = 0;
  try {
    for (const unpacked of pack(published, into)) {
      const { manifest, source, files, packed, unpacked: size, tarball } = unpacked;
      const bytes = new Uint8Array(readFileSync(tarball));
      const faults = [
        ...manifestFaults({ folder: source, manifest }),
        ...tarballFaults(unpacked, licence),
        ...importFaults(unpacked, join(ROOT, 'node_modules'), ts),
        ...(await publintFaults(manifest, bytes)),
        ...(await typeFaults(attw, bytes)),
      ];
      console.log(`${manifest.name}: ${files.length} files, ${kilobytes(packed)} packed, ${kilobytes(size)} unpacked`);
      for (const fault of faults) console.log(`  ${fault}`);
      if (faults.length > 0) faulty++;
    }
  } finally {
    rmSync(into, { recursive: true, force: true });
  }
  if (faulty > 0) process.exitCode = 1;
  console.log(faulty === 0 ? 'all are ready to publish' : `${faulty} of ${published.length} are not ready to publish`);
}

async function publintFaults(manifest, bytes) {
  const { messages } = await publint({ pack: { tarball: bytes.buffer }, strict: true });
  return messages.map((message) => `publint: ${formatMessage(message, manifest, { color: false })}`);
}

/** The packages are ESM alone: that older ways to resolve do not find them, or find ESM, is no fault. */
async function typeFaults(attw, bytes) {
  const { types, problems = [] } = await attw.checkPackage(attw.createPackageFromTarballData(bytes));
  if (types === false) return [];
  return problems
    .filter(({ resolutionKind }) => resolutionKind !== 'node10' && resolutionKind !== 'node16-cjs')
    .map(
      ({ kind, entrypoint, resolutionKind }) =>
        `are-the-types-wrong: ${kind} ${entrypoint ?? ''} ${resolutionKind ?? ''}`,
    );
}

function kilobytes(bytes) {
  return `${(bytes / 1000).toFixed(1)} kB`;
}
