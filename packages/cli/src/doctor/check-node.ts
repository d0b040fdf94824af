import { satisfies } from 'semver';
import type { OwnManifest } from '../console/own-manifest.ts';
import type { Finding } from './finding.ts';

/** Whether this Node runs what the program was made for. */
export function checkNode({ engines }: Pick<OwnManifest, 'engines'>, version: string = process.versions.node): Finding {
  const wanted = engines.node;
  const detail = `Node ${version}`;
  if (satisfies(version, wanted)) return { check: 'node', status: 'ok', detail };
  return {
    check: 'node',
    status: 'problem',
    detail: `${detail}, which is not ${wanted}`,
    fix: `install Node ${wanted}`,
  };
}
