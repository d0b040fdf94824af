import { type Metadata, MicroError } from '@micro/core';
import { createMetadata, shown } from '@micro/core/plugin';
import { UsageError } from '../console/usage-error.ts';

/**
 * What the `-H name:value` of a command line say, as curl writes them. Throws a usage error for one without a colon, one
 * that is given twice, and one that could not travel: a bad name, a line break, or a name that belongs to the protocol.
 */
export function readHeaders(given: readonly string[]): Metadata {
  const metadata = createMetadata();
  for (const header of given) {
    const colon = header.indexOf(':');
    if (colon < 1) throw new UsageError(`-H ${shown(header)} is no header: write name:value`);
    const name = header.slice(0, colon).trim();
    try {
      if (metadata.has(name)) throw new UsageError(`-H ${JSON.stringify(name)} is given twice`);
      // Around the value only spaces are nobody's; a line break in it is refused.
      metadata.set(name, header.slice(colon + 1).replace(/^[ \t]+|[ \t]+$/g, ''));
    } catch (error) {
      throw error instanceof MicroError ? new UsageError(`-H: ${error.detail}`, { cause: error }) : error;
    }
  }
  return metadata;
}
