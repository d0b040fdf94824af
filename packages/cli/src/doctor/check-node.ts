import { satisfies } from 'semver';
import type { Package } from '../project/packages.ts';
import type { Finding } from './finding.ts';

/** Whether this Node runs what the program was made for. */
export function checkNode(own: Package, version: string = process.versions.node): Finding {
  const wanted = own.manifest.engines?.node ?? '*';
  const detail = `Node ${version}`;
  if (satisfies(version, wanted)) return { check: 'node', status: 'ok', detail };
  return {
    check: 'node',
    status: 'problem',
    detail: `${detail}, which is not ${wanted}`,
    fix: `install Node ${wanted}`,
  };
}
