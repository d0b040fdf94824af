import { setTimeout as sleep } from 'node:timers/promises';
import type { Service } from '@micro/core';
import { createService, httpTransport, silentLogger } from '@micro/core';
import { etcdRegistry } from '@micro/registry-etcd';
import { startEtcd, type TestServer } from '@micro/test-servers';
import { grpcTransport } from '@micro/transport-grpc';
import { afterAll, afterEach, beforeAll, describe, expect, inject, test } from 'vitest';
import { type GoClient, startGoClient } from '../src/go-client.ts';
import { type GoServer, startGoServer } from '../src/go-server.ts';
import { eventually } from './eventually.ts';
import { cleanup, need } from './real-servers.ts';

const binary = inject('goBinary');
const { skip, why } = need(binary, 'etcd');

/** How long each call takes, so that there are always calls under way. */
const CALL_MS = 5;
/** How long a node serves on after it is out of the registry: until those who call it have heard of it, on a busy machine too. */
const SETTLE_MS = 2_000;

type Wire = 'http' | 'grpc';

/** A node of either side. */
interface MixedNode {
  readonly id: string;
  close(): Promise<void>;
}

describe.skipIf(skip)(`Go nodes and nodes of ours behind one name in etcd${why}`, () => {
  let etcd: TestServer;
  let made = 0;
  const { add, run } = cleanup();

  beforeAll(async () => {
    etcd = await startEtcd();
  });
  afterEach(run);
  afterAll(() => etcd.close());

  const goNode = async (name: string, transport: Wire): Promise<MixedNode> => {
    const options = { binary, name, transport, registry: 'etcd', registryAddress: etcd.address } as const;
    const node: GoServer = await startGoServer({ ...options, settleMs: SETTLE_MS, wait: true });
    add(() => node.close());
    return node;
  };

  const ourNode = async (name: string, transport: Wire): Promise<MixedNode> => {
    const id = `ours-${made++}`;
    const node = `${name}-${id}`;
    const service = createService({
      ...partsOf(transport),
      name,
      id,
      server: { address: '127.0.0.1:0', settleMs: SETTLE_MS },
    });
    service.server.handle('Plain', {
      async who({ ms }: { readonly ms: number }) {
        await sleep(ms);
        return { node };
      },
    });
    await service.start();
    add(() => service.stop());
    return { id: node, close: () => service.stop() };
  };

  const ourCaller = (transport: Wire): Service => {
    const service = createService({ ...partsOf(transport), name: 'caller' });
    add(() => service.stop());
    return service;
  };

  const partsOf = (transport: Wire) => ({
    registry: etcdRegistry({ hosts: etcd.address }),
    transport: transport === 'grpc' ? grpcTransport() : httpTransport(),
    logger: silentLogger(),
    handleSignals: false,
  });

  /** Stops the first of each kind and starts another one in its place, one kind after the other. */
  const restartOneOfEach = async (nodes: MixedNode[], name: string, transport: Wire): Promise<void> => {
    for (const start of [goNode, ourNode]) {
      await nodes.shift()?.close();
      nodes.push(await start(name, transport));
    }
  };

  /** 200 calls of a Go client, and who answered how many of them. */
  const goCalls = async (client: GoClient, service: string, errors: string[]): Promise<Map<string, number>> => {
    const call = { service, endpoint: 'Plain.Who', body: { ms: CALL_MS }, count: 200, concurrency: 8, retries: 0 };
    const outcome = await client.call(call);
    errors.push(...outcome.errors.map(({ error }) => error.text));
    return tally(outcome.replies.map(({ reply }) => (reply as { readonly node: string }).node));
  };

  const ourCalls = async (caller: Service, service: string, errors: string[]): Promise<Map<string, number>> => {
    const answers: string[] = [];
    let left = 200;
    const worker = async (): Promise<void> => {
      while (left-- > 0) {
        const request = { service, endpoint: 'Plain.Who', body: { ms: CALL_MS } };
        const answer = caller.client.call(request, { retries: 0 }) as Promise<{ readonly node: string }>;
        await answer.then(
          ({ node }) => answers.push(node),
          (error: unknown) => errors.push(String(error)),
        );
      }
    };
    await Promise.all(Array.from({ length: 8 }, worker));
    return tally(answers);
  };

  describe.each(['http', 'grpc'] as const)('over %s', (transport) => {
    test.each(['Go', 'ours'])(
      'a client of %s spreads its calls over all four, without an error or a retry while one of each is restarted',
      async (side) => {
        const name = `mixed.${transport}.${side}`;
        const nodes = [
          await goNode(name, transport),
          await ourNode(name, transport),
          await goNode(name, transport),
          await ourNode(name, transport),
        ];
        let calls: (errors: string[]) => Promise<Map<string, number>>;
        if (side === 'Go') {
          const client = await startGoClient({ binary, transport, registry: 'etcd', registryAddress: etcd.address });
          add(() => client.close());
          calls = (errors) => goCalls(client, name, errors);
        } else {
          const caller = ourCaller(transport);
          calls = (errors) => ourCalls(caller, name, errors);
        }
        const errors: string[] = [];
        const ids = () => nodes.map(({ id }) => id).toSorted();
        const answering = async () => [...(await calls(errors)).keys()].toSorted();
        expect(await answering()).toEqual(ids());
        let restarting = true;
        const restarts = restartOneOfEach(nodes, name, transport).finally(() => {
          restarting = false;
        });
        while (restarting) await calls(errors);
        await restarts;
        await eventually(async () => ((await answering()).join() === ids().join() ? true : undefined));
        expect(errors).toEqual([]);
      },
      120_000,
    );
  });
});

function tally(names: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
  return counts;
}
