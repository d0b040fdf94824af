/** The longest label that DNS can carry, and with it go-micro's mdns registry. */
const LONGEST_LABEL = 63;

/** Hands out the node ids of one broker's subscriptions. */
export interface NodeIds {
  /** `<topic>-<id>` for the first subscription of a topic, `<topic>-<id>-2` for the second, … */
  take(topic: string): string;
  free(nodeId: string): void;
}

/**
 * Each subscription has an id of its own, so that one POST means one of them (in go-micro all those of a topic share
 * one). The same subscriptions in the same order get the same ids. To others an id is just a text, so what a registry may
 * be unable to carry in one is replaced: characters that are not DNS's, and what is too long.
 */
export function createNodeIds(id: string): NodeIds {
  const taken = new Set<string>();
  return {
    take(topic) {
      for (let count = 1; ; count++) {
        const nodeId = nodeIdOf(topic, count === 1 ? `-${id}` : `-${id}-${count}`);
        if (taken.has(nodeId)) continue;
        taken.add(nodeId);
        return nodeId;
      }
    },
    free(nodeId) {
      taken.delete(nodeId);
    },
  };
}

function nodeIdOf(topic: string, suffix: string): string {
  const labels = topic.split('.').map((label) => label.replaceAll(/[^A-Za-z0-9_-]/g, '_').slice(0, LONGEST_LABEL));
  const last = (labels.pop() ?? '').slice(0, Math.max(1, LONGEST_LABEL - suffix.length));
  // The name of the service, and what a registry puts behind it, have to have room as well.
  return [...labels.filter((label) => label !== ''), last].join('.').slice(0, 120) + suffix;
}
