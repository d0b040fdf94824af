import { channel } from 'node:diagnostics_channel';
import type { ServiceRecord } from '../contract/registry.ts';

/** The name of the channel in Node's `diagnostics_channel`; tools of any version listen for it. */
const STARTED = 'micro.server.started';

/**
 * Tells whoever watches this process, such as `micro run`, that a server listens and what it put into the registry. Costs
 * nothing while nobody does.
 */
export function announceStarted(record: () => ServiceRecord): void {
  const started = channel(STARTED);
  if (started.hasSubscribers) started.publish(record());
}
