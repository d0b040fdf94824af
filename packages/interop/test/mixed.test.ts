import type { Island } from '@micro/test-servers';
import { describe, expect, inject, test } from 'vitest';
import type { GoClient } from '../src/go-client.ts';
import { startGoClient } from '../src/go-client.ts';
import type { GoServer } from '../src/go-server.ts';
import { startGoServer } from '../src/go-server.ts';
import { eventually } from './eventually.ts';
import { type MdnsPeer, startPeer } from './mdns-peer.ts';
import { sharedNamespace } from './shared-namespace.ts';

const binary = inject('goBinary');

const NAME = 'mixed';
/** How long each call takes, so that there are always calls under way. */
const CALL_MS = 5;

/** Four nodes of one service. */
interface Nodes {
  readonly go: GoServer[];
  readonly ours: MdnsPeer[];
}

/** A Go node as it has to be run so that its end costs no calls: out of the registry, a while later stopped, then gone. */
const startGoNode = ({ prefix, ip }: Island): Promise<GoServer> =>
  startGoServer({ binary, prefix, address: `${ip}:0`, name: NAME, registry: 'mdns', settleMs: 2_000, wait: true });

async function startNodes(world: Island): Promise<Nodes> {
  const go = [await startGoNode(world), await startGoNode(world)];
  return { go, ours: [await startPeer(NAME, world), await startPeer(NAME, world)] };
}

const idsOf = ({ go, ours }: Nodes): string[] => [...go.map(({ id }) => id), ...ours.map(({ node }) => node)].sort();

/** Stops the first node of each kind and starts another in its place, one kind after the other. */
async function restartOneOfEach(nodes: Nodes, world: Island): Promise<void> {
  await nodes.go.shift()?.close();
  nodes.go.push(await startGoNode(world));
  await nodes.ours.shift()?.close();
  nodes.ours.push(await startPeer(NAME, world));
}

async function closeAll({ go, ours }: Nodes): Promise<void> {
  await Promise.all([...go, ...ours].map((node) => node.close()));
}

describe.skipIf(binary === '')('two Go nodes and two of ours behind one name', () => {
  const namespace = sharedNamespace();

  /** Makes calls with a Go client and counts who answered. */
  const goCalls = async (client: GoClient, retries: number, errors: string[]): Promise<Record<string, number>> => {
    const outcome = await client.call({
      service: NAME,
      endpoint: 'Plain.Who',
      body: { ms: CALL_MS },
      count: 200,
      concurrency: 8,
      retries,
    });
    errors.push(...outcome.errors.map(({ error }) => error.text));
    const nodes: Record<string, number> = {};
    for (const { reply } of outcome.replies) {
      const { node } = reply as { readonly node: string };
      nodes[node] = (nodes[node] ?? 0) + 1;
    }
    return nodes;
  };

  // go-micro's default is one retry, of whatever failed with 408 or 500. Without it nothing fails either: our node serves
  // until nobody calls it any more, and a Go node does so when it is told to wait.
  test.for([0, 1])(
    'a Go client with %i retries spreads its calls over all four, without an error while one of each is restarted',
    { timeout: 120_000 },
    async (retries, context) => {
      const world = namespace(context);
      const nodes = await startNodes(world);
      const errors: string[] = [];
      let client: GoClient | undefined;
      try {
        // What a Go client did not hear of in the 100 ms of its first lookup it may not know for a minute.
        await eventually(async () => {
          await client?.close();
          client = await startGoClient({ binary, prefix: world.prefix, registry: 'mdns' });
          const counts = await goCalls(client, retries, []);
          return Object.keys(counts).length === 4 ? true : undefined;
        });
        const caller = client as unknown as GoClient;
        const counts = await goCalls(caller, retries, errors);
        expect(Object.keys(counts).sort()).toEqual(idsOf(nodes));
        // It picks at random: of 200 calls each node gets 50, give or take.
        for (const count of Object.values(counts)) expect(count).toBeGreaterThan(20);

        let restarting = true;
        const restarts = restartOneOfEach(nodes, world).finally(() => {
          restarting = false;
        });
        while (restarting) await goCalls(caller, retries, errors);
        await restarts;
        await eventually(async () => {
          const now = Object.keys(await goCalls(caller, retries, errors)).sort();
          return now.join() === idsOf(nodes).join() ? true : undefined;
        });
        expect(errors).toEqual([]);
      } finally {
        await client?.close();
        await closeAll(nodes);
      }
    },
  );

  test('a client of ours spreads its calls over all four, without an error while one of each is restarted', async (context) => {
    const world = namespace(context);
    const nodes = await startNodes(world);
    const caller = await startPeer('caller', world);
    try {
      await eventually(async () => caller.call(NAME, 'Plain.Who', {}).catch(() => undefined));
      await caller.startCalls(NAME, 8, CALL_MS);
      const answered = async (least: number): Promise<true> => {
        const before = (await caller.countCalls()).nodes;
        return eventually(async () => {
          const { nodes: counts } = await caller.countCalls();
          return idsOf(nodes).every((id) => (counts[id] ?? 0) - (before[id] ?? 0) >= least) ? true : undefined;
        });
      };
      await answered(20);
      await restartOneOfEach(nodes, world);
      await answered(20);
      const { errors, calls } = await caller.stopCalls();
      expect(errors).toEqual([]);
      expect(calls).toBeGreaterThan(160);
    } finally {
      await caller.close();
      await closeAll(nodes);
    }
  }, 120_000);
});
