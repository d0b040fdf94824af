/*
 * Looks at every public package as npm would publish it: publint's own rules, warnings included, and what we ask for
 * besides. Wants the packages built.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { publint } from 'publint';
import { formatMessage } from 'publint/utils';
import { workspaces } from './workspaces.mjs';

let faults = 0;
for (const { folder, manifest } of workspaces().filter((workspace) => !workspace.manifest.private)) {
  const { messages } = await publint({ pkgDir: folder, pack: 'npm', strict: true });
  const found = [
    ...messages.map((message) => formatMessage(message, manifest, { color: false })),
    ...ours(folder, manifest),
  ];
  console.log(`${manifest.name}: ${found.length === 0 ? 'ready to publish' : ''}`);
  for (const text of found) console.log(`  ${text}`);
  faults += found.length;
}
process.exitCode = faults === 0 ? 0 : 1;

function ours(folder, manifest) {
  const wanted = {
    'is Apache-2.0': manifest.license === 'Apache-2.0',
    'is ESM': manifest.type === 'module',
    'says which Node it needs': manifest.engines?.node === '>=20.19',
    'has a description': Boolean(manifest.description),
    'publishes with provenance': manifest.publishConfig?.provenance === true,
    'has a README.md': existsSync(join(folder, 'README.md')),
    'has @micro/core as a peer, not as a dependency':
      !manifest.name.startsWith('@micro/') ||
      manifest.dependencies?.['@micro/core'] === undefined ||
      !folder.includes('plugins'),
  };
  return Object.entries(wanted)
    .filter(([, held]) => !held)
    .map(([rule]) => `does not hold: ${rule}`);
}
