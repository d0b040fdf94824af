import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { startGoClient } from '../src/go-client.ts';
import { startGoRegistry } from '../src/go-registry.ts';
import { startGoServer } from '../src/go-server.ts';
import type { Line } from '../src/line-process.ts';
import { startLineProcess } from '../src/line-process.ts';
import type { Namespace } from '../src/namespace.ts';
import { createNamespace } from '../src/namespace.ts';
import { eventually } from './eventually.ts';

const binary = inject('goBinary');
const PEER = fileURLToPath(new URL('./mdns-peer.mjs', import.meta.url));

interface Found {
  readonly name: string;
  readonly version: string;
  readonly endpoints: readonly { readonly name: string }[];
  readonly nodes: readonly { readonly id: string; readonly address: string; readonly metadata: object }[];
}

/** Starts a service of ours as a process in the namespace. */
async function startPeer(name: string, { prefix, ip }: Namespace) {
  const lines: Line[] = [];
  const child = await startLineProcess([...prefix, process.execPath, PEER, name, `${ip}:0`], (line) =>
    lines.push(line),
  );
  let ids = 0;
  const ready = eventually(async () => lines.find(({ address }) => address !== undefined));
  const { address } = await ready.catch(async (error: unknown) => {
    await child.close();
    throw new Error(child.stderr(), { cause: error });
  });
  return {
    address: String(address),
    /** What its watch of the registry has told, as `<action> <service>`. */
    events: () => lines.filter(({ event }) => event !== undefined).map(({ event }) => eventText(event)),
    async ask(question: object): Promise<unknown> {
      const id = ids++;
      child.write({ id, ...question });
      const answer = await eventually(async () => lines.find((line) => line.id === id));
      if (answer.error !== undefined) throw new Error(String(answer.error));
      return answer.result;
    },
    close: () => child.close(),
  };
}

function eventText(event: unknown): string {
  const { action, service } = event as { readonly action: string; readonly service: Found };
  return `${action} ${service.name}`;
}

describe.skipIf(binary === '')('mDNS between Go and us, in a network of its own', () => {
  let namespace: Namespace | { readonly missing: string };

  beforeAll(async () => {
    namespace = await createNamespace();
    if ('missing' in namespace) console.warn(`the mDNS tests with Go are skipped: ${namespace.missing}`);
  });
  afterAll(async () => {
    if ('close' in namespace) await namespace.close();
  });

  test('we find a Go service by name and call it, and hear it come and go', async ({ skip }) => {
    if ('missing' in namespace) return skip(namespace.missing);
    const { prefix, ip } = namespace;
    const peer = await startPeer('ours', namespace);
    try {
      const server = await startGoServer({
        binary,
        prefix,
        address: `${ip}:0`,
        registry: 'mdns',
        metadata: { zone: 'a' },
      });
      try {
        const [found] = (await peer.ask({ lookUp: 'helloworld' })) as Found[];
        expect(found).toMatchObject({ name: 'helloworld', version: 'latest' });
        expect(found?.nodes).toMatchObject([
          { id: server.id, address: server.address, metadata: { protocol: 'mucp', zone: 'a' } },
        ]);
        expect(found?.endpoints.map(({ name }) => name)).toContain('Helloworld.Call');
        const call = { service: 'helloworld', endpoint: 'Helloworld.Call', body: { name: 'Jo' } };
        expect(await peer.ask({ call })).toEqual({ msg: 'Hello Jo' });
        await eventually(async () => (peer.events().includes('create helloworld') ? true : undefined));
      } finally {
        await server.close();
      }
      await eventually(async () => (peer.events().includes('delete helloworld') ? true : undefined));
      expect(await peer.ask({ lookUp: 'helloworld' })).toEqual([]);
    } finally {
      await peer.close();
    }
  });

  test('Go finds our service by name and calls it, and hears it come and go', async ({ skip }) => {
    if ('missing' in namespace) return skip(namespace.missing);
    const { prefix } = namespace;
    const registry = await startGoRegistry({ binary, prefix });
    const client = await startGoClient({ binary, prefix, registry: 'mdns' });
    const events: { readonly Action: string; readonly Service: Found }[] = [];
    const heard = (action: string) =>
      eventually(async () => events.find(({ Action, Service }) => Action === action && Service.name === 'ours'));
    try {
      await registry.watch((event) => events.push(event as (typeof events)[number]));
      const peer = await startPeer('ours', namespace);
      try {
        const [found] = (await registry.get('ours')) as Found[];
        expect(found).toMatchObject({ name: 'ours', version: 'latest' });
        expect(found?.nodes).toMatchObject([{ address: peer.address, metadata: { protocol: 'mucp', frames: '1' } }]);
        expect(found?.endpoints.map(({ name }) => name)).toEqual(['Peer.Hello']);
        expect(((await registry.list()) as Found[]).map(({ name }) => name)).toContain('ours');
        const { replies, errors } = await client.call({
          service: 'ours',
          endpoint: 'Peer.Hello',
          body: { name: 'Jo' },
        });
        expect(errors).toEqual([]);
        expect(replies.map(({ reply }) => reply)).toEqual([{ msg: 'Hi Jo' }]);
        await heard('create');
      } finally {
        await peer.close();
      }
      await heard('delete');
      expect(await registry.get('ours')).toEqual([]);
    } finally {
      await client.close();
      await registry.close();
    }
  });
});
