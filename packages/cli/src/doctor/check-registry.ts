import { randomUUID } from 'node:crypto';
import type { Registry } from '@micro/core';
import { within } from '@micro/core/plugin';
import { detailOf } from '../console/detail-of.ts';
import type { Finding } from './finding.ts';

/** How long the registry may take for all of it. */
const ANSWER_MS = 10_000;
/** How long a record may take to come back. */
const BACK_MS = 3_000;

/**
 * Whether the registry that flags choose answers; of mDNS, which has no server that could answer, whether what one
 * registers another one finds.
 */
export async function checkRegistry(
  registry: Registry,
  open: () => Promise<{ readonly registry: Registry; close(): Promise<void> }>,
  signal: AbortSignal,
): Promise<Finding> {
  const check = 'registry';
  const started = performance.now();
  const { name } = registry;
  try {
    if (name === 'mdns') {
      return await within(ANSWER_MS, name, (until) => checkMulticast(registry, open, until), signal);
    }
    const services = await within(ANSWER_MS, name, (until) => registry.listServices({ signal: until }), signal);
    const took = Math.round(performance.now() - started);
    return { check, status: 'ok', detail: `${name} answers in ${took} ms and knows ${services.length} services` };
  } catch (error) {
    const fix = 'check --registry_address, and that it can be reached from here';
    return { check, status: 'problem', detail: `${name} does not answer: ${detailOf(error)}`, fix };
  }
}

async function checkMulticast(
  registry: Registry,
  open: () => Promise<{ readonly registry: Registry; close(): Promise<void> }>,
  signal: AbortSignal,
): Promise<Finding> {
  const check = 'registry';
  const service = `micro-doctor-${randomUUID()}`;
  const node = { id: `${service}-1`, address: '127.0.0.1:9', metadata: {} };
  const record = { name: service, version: 'latest', metadata: {}, endpoints: [], nodes: [node] };
  const other = await open();
  const until = Date.now() + BACK_MS;
  try {
    await registry.register(record, { signal });
    do {
      const found = await other.registry.getService(service, { signal });
      if (found.length > 0) return { check, status: 'ok', detail: 'mdns: what is registered here is found here' };
    } while (Date.now() < until && !signal.aborted);
  } finally {
    await registry.deregister(record).catch(() => {});
    await other.close();
  }
  return {
    check,
    status: 'problem',
    detail: `mdns: what is registered here is not found here within ${BACK_MS} ms: multicast does not get through`,
    fix: 'let UDP port 5353 through the firewall, or use another registry: --registry etcd',
  };
}
