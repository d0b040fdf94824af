import type { Node, ServiceRecord } from '../contract/registry.ts';
import { BROADCAST_VERSION } from './http-message.ts';
import type { HttpTarget } from './http-sender.ts';

const NOBODY: readonly HttpTarget[] = [];
const MOST_CONCURRENCY = 10_000;

/**
 * Makes the function that says who subscribes to a topic, from what the registry says. Sorted out once per answer: the
 * same answer leads to the same arrays.
 */
export function createHttpTargets(
  lookUp: () => readonly ServiceRecord[] | Promise<readonly ServiceRecord[]>,
): (topic: string) => readonly HttpTarget[] | Promise<readonly HttpTarget[]> {
  let known: readonly ServiceRecord[] | undefined;
  let byTopic: ReadonlyMap<string, readonly HttpTarget[]> = new Map();

  const of = (topic: string, records: readonly ServiceRecord[]): readonly HttpTarget[] => {
    if (records !== known) {
      byTopic = sorted(records);
      known = records;
    }
    return byTopic.get(topic) ?? NOBODY;
  };

  return (topic) => {
    const records = lookUp();
    return records instanceof Promise ? records.then((found) => of(topic, found)) : of(topic, records);
  };
}

function sorted(records: readonly ServiceRecord[]): ReadonlyMap<string, readonly HttpTarget[]> {
  const byTopic = new Map<string, HttpTarget[]>();
  for (const { version, nodes } of records) {
    for (const node of nodes) {
      const { broker, topic } = node.metadata;
      if (broker !== 'http' || topic === undefined) continue;
      const targets = byTopic.get(topic);
      const target = targetOf(node, version);
      if (targets === undefined) byTopic.set(topic, [target]);
      else targets.push(target);
    }
  }
  return byTopic;
}

function targetOf({ id, address, metadata }: Node, version: string): HttpTarget {
  const concurrency = Math.trunc(Number(metadata.concurrency));
  return {
    id,
    address,
    queue: version === BROADCAST_VERSION ? undefined : version,
    secure: metadata.secure === 'true',
    concurrency: concurrency >= 1 ? Math.min(concurrency, MOST_CONCURRENCY) : 1,
  };
}
