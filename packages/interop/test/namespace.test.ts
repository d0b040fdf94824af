import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { startGoClient } from '../src/go-client.ts';
import { startGoRegistry } from '../src/go-registry.ts';
import { startGoServer } from '../src/go-server.ts';
import type { Namespace } from '../src/namespace.ts';
import { createNamespace } from '../src/namespace.ts';
import { eventually } from './eventually.ts';

const binary = inject('goBinary');

interface Found {
  readonly name: string;
  readonly nodes: readonly { readonly id: string; readonly address: string }[];
}

describe.skipIf(binary === '')('mDNS in a network of its own', () => {
  let namespace: Namespace | { readonly missing: string };

  beforeAll(async () => {
    namespace = await createNamespace();
    if ('missing' in namespace) console.warn(`the mDNS tests with Go are skipped: ${namespace.missing}`);
  });
  afterAll(async () => {
    if ('close' in namespace) await namespace.close();
  });

  test('Go processes find each other by mDNS, call by name, and see a node leave', async ({ skip }) => {
    if ('missing' in namespace) return skip(namespace.missing);
    const { prefix, ip } = namespace;
    const registry = await startGoRegistry({ binary, prefix });
    const events: unknown[] = [];
    const client = await startGoClient({ binary, prefix, registry: 'mdns' });
    try {
      await registry.watch((event) => events.push(event));
      const server = await startGoServer({ binary, prefix, address: `${ip}:0`, registry: 'mdns' });
      try {
        const found = await eventually(async () => {
          const [first] = (await registry.get('helloworld')) as Found[];
          return first;
        });
        expect(found.nodes.map(({ id, address }) => ({ id, address }))).toEqual([
          { id: server.id, address: server.address },
        ]);
        const { replies } = await client.call({ endpoint: 'Helloworld.Call', body: { name: 'Jo' } });
        expect(replies.map(({ reply }) => reply)).toEqual([{ msg: 'Hello Jo' }]);
        // It announces itself only once it has asked three times whether anybody else has the name.
        await eventually(async () => (events.some((event) => actionOf(event) === 'create') ? true : undefined));
      } finally {
        await server.close();
      }
      await eventually(async () => (events.some((event) => actionOf(event) === 'delete') ? true : undefined));
    } finally {
      await client.close();
      await registry.close();
    }
  });
});

function actionOf(event: unknown): unknown {
  return (event as { readonly Action?: unknown }).Action;
}
