import type { ServiceRecord } from '@micro/core';
import { describe, expect, inject, test } from 'vitest';
import type { GoCall, GoClient } from '../src/go-client.ts';
import { startGoClient } from '../src/go-client.ts';
import { startGoRegistry } from '../src/go-registry.ts';
import { startGoServer } from '../src/go-server.ts';
import { eventually } from './eventually.ts';
import { type MdnsPeer, type PeerEvent, startPeer } from './mdns-peer.ts';
import { sharedNamespace } from './shared-namespace.ts';

const binary = inject('goBinary');

/** A record as a Go registry shows it. */
interface GoRecord {
  readonly name: string;
  readonly version: string;
  readonly endpoints: readonly { readonly name: string }[];
  readonly nodes: readonly { readonly id: string; readonly address: string; readonly metadata: { zone?: string } }[];
}

/** An event of a Go watcher. */
interface GoEvent {
  readonly Action: string;
  readonly Service: GoRecord;
}

/** What was told about a node: `<action> <zone>`. */
const goTold = (events: readonly GoEvent[], id: string): string[] =>
  events
    .filter(({ Service }) => Service.nodes.some((node) => node.id === id))
    .map(({ Action, Service }) => `${Action} ${Service.nodes[0]?.metadata.zone ?? ''}`);

const weTold = (events: readonly PeerEvent[], id: string): string[] =>
  events
    .filter(({ service }) => service.nodes.some((node) => node.id === id))
    .map(({ action, service }) => `${action} ${service.nodes[0]?.metadata.zone ?? ''}`);

const seen = (told: () => string[], what: string): Promise<true> =>
  eventually(async () => (told().includes(what) ? true : undefined));

describe.skipIf(binary === '')('mDNS between Go and us, in a network of its own', () => {
  const namespace = sharedNamespace();

  test('Go processes find each other, call by name, and see a node leave', async (context) => {
    const { prefix, ip } = namespace(context);
    const registry = await startGoRegistry({ binary, prefix });
    const client = await startGoClient({ binary, prefix, registry: 'mdns' });
    const events: GoEvent[] = [];
    try {
      await registry.watch((event) => events.push(event as GoEvent));
      const server = await startGoServer({ binary, prefix, address: `${ip}:0`, registry: 'mdns' });
      try {
        const found = await eventually(async () => ((await registry.get('helloworld')) as GoRecord[])[0]);
        expect(found.nodes).toMatchObject([{ id: server.id, address: server.address }]);
        const call = { endpoint: 'Helloworld.Call', body: { name: 'Jo' } };
        expect(await callFound(client, call)).toEqual([{ msg: 'Hello Jo' }]);
        // It announces itself only once it has asked three times whether anybody else has the name.
        await seen(() => goTold(events, server.id), 'create ');
      } finally {
        await server.close();
      }
      await seen(() => goTold(events, server.id), 'delete ');
    } finally {
      await client.close();
      await registry.close();
    }
  });

  test('we find a Go service by name and call it, and hear it come and go', async (context) => {
    const world = namespace(context);
    const { prefix, ip } = world;
    const peer = await startPeer('ours', world);
    const events: PeerEvent[] = [];
    try {
      await peer.watch((event) => events.push(event));
      const server = await startGoServer({
        binary,
        prefix,
        address: `${ip}:0`,
        registry: 'mdns',
        metadata: { zone: 'a' },
      });
      try {
        const record = await found(peer, 'helloworld');
        expect(record).toMatchObject({
          name: 'helloworld',
          version: 'latest',
          nodes: [{ id: server.id, address: server.address, metadata: { protocol: 'mucp', zone: 'a' } }],
        });
        expect(record.endpoints.map(({ name }) => name)).toContain('Helloworld.Call');
        await eventually(async () => {
          const names = await peer.list();
          return names.includes('helloworld') && names.includes('ours') ? true : undefined;
        });
        const call = () => peer.call('helloworld', 'Helloworld.Call', { name: 'Jo' }).catch(() => undefined);
        expect(await eventually(call)).toEqual({ msg: 'Hello Jo' });
        await seen(() => weTold(events, server.id), 'create a');
      } finally {
        await server.close();
      }
      await seen(() => weTold(events, server.id), 'delete a');
      expect(await peer.lookUp('helloworld')).toEqual([]);
    } finally {
      await peer.close();
    }
  });

  test('Go finds our service by name and calls it, and hears it come and go', async (context) => {
    const world = namespace(context);
    const { prefix } = world;
    const registry = await startGoRegistry({ binary, prefix });
    const client = await startGoClient({ binary, prefix, registry: 'mdns' });
    const events: GoEvent[] = [];
    try {
      await registry.watch((event) => events.push(event as GoEvent));
      const peer = await startPeer('ours', world);
      try {
        const found = await eventually(async () => ((await registry.get('ours')) as GoRecord[])[0]);
        expect(found).toMatchObject({
          name: 'ours',
          version: 'latest',
          nodes: [{ id: peer.node, address: peer.address, metadata: { protocol: 'mucp', frames: '1' } }],
        });
        expect(found.endpoints.map(({ name }) => name)).toEqual(['Peer.Hello', 'Plain.Who']);
        const listed = await eventually(async () => {
          const names = ((await registry.list()) as GoRecord[] | null)?.map(({ name }) => name);
          return names?.includes('ours') === true ? names : undefined;
        });
        expect(listed).toContain('ours');
        const call = { service: 'ours', endpoint: 'Peer.Hello', body: { name: 'Jo' } };
        expect(await callFound(client, call)).toEqual([{ msg: 'Hi Jo' }]);
        await seen(() => goTold(events, peer.node), 'create ');
      } finally {
        await peer.close();
      }
      await seen(() => goTold(events, peer.node), 'delete ');
      expect(await registry.get('ours')).toEqual([]);
    } finally {
      await client.close();
      await registry.close();
    }
  });

  test('a node of ours that changes is changed for Go, under the same id', async (context) => {
    const world = namespace(context);
    const registry = await startGoRegistry({ binary, prefix: world.prefix });
    const events: GoEvent[] = [];
    const peer = await startPeer('ours', world);
    try {
      await registry.watch((event) => events.push(event as GoEvent));
      const record = recordOf('changing', `${world.ip}:9`);
      const told = (): string[] => goTold(events, 'changing-1');
      await peer.register(record({ zone: 'a' }));
      await seen(told, 'create a');
      await peer.register(record({ zone: 'b' }));
      await seen(told, 'create b');
      await eventually(async () => {
        const [found] = (await registry.get('changing')) as GoRecord[];
        return found?.nodes[0]?.metadata.zone === 'b' ? true : undefined;
      });
      await peer.deregister(record({ zone: 'b' }));
      await seen(told, 'delete b');
    } finally {
      await peer.close();
      await registry.close();
    }
  });

  test('a Go node that wants to change has to leave and come again: what it registers anew under its id is ignored', async (context) => {
    const world = namespace(context);
    const registry = await startGoRegistry({ binary, prefix: world.prefix });
    const events: PeerEvent[] = [];
    const peer = await startPeer('ours', world);
    try {
      await peer.watch((event) => events.push(event));
      const record = recordOf('changing', `${world.ip}:9`);
      const told = (): string[] => weTold(events, 'changing-1');
      await registry.register(record({ zone: 'a' }));
      await seen(told, 'create a');
      await registry.register(record({ zone: 'b' }));
      const same = await found(peer, 'changing');
      expect(same.nodes[0]?.metadata).toEqual({ zone: 'a' });
      await registry.deregister(record({ zone: 'a' }));
      await seen(told, 'delete a');
      await registry.register(record({ zone: 'b' }));
      await seen(told, 'create b');
      const changed = await found(peer, 'changing');
      expect(changed.nodes[0]?.metadata).toEqual({ zone: 'b' });
    } finally {
      await peer.close();
      await registry.close();
    }
  });

  test('a node that was killed answers no lookup any more, in either direction, and nobody says goodbye for it', async (context) => {
    const world = namespace(context);
    const { prefix, ip } = world;
    const registry = await startGoRegistry({ binary, prefix });
    const watching = await startPeer('watching', world);
    const events: GoEvent[] = [];
    try {
      await registry.watch((event) => events.push(event as GoEvent));
      const server = await startGoServer({ binary, prefix, address: `${ip}:0`, registry: 'mdns' });
      const peer = await startPeer('ours', world);
      await eventually(async () => ((await registry.get('ours')) as GoRecord[])[0]);
      await found(watching, 'helloworld');
      await seen(() => goTold(events, server.id), 'create ');
      await seen(() => goTold(events, peer.node), 'create ');
      await server.kill();
      await peer.kill();
      expect(await registry.get('ours')).toEqual([]);
      expect(await watching.lookUp('helloworld')).toEqual([]);
      expect([...goTold(events, server.id), ...goTold(events, peer.node)]).not.toContain('delete ');
    } finally {
      await watching.close();
      await registry.close();
    }
  });
});

/** The replies to a call by name. A Go client waits 100 ms for nodes to answer, which on a busy machine can be too short. */
function callFound(client: GoClient, call: GoCall): Promise<unknown[]> {
  return eventually(async () => {
    const { replies, errors } = await client.call(call);
    if (errors.some(({ error }) => error.detail.endsWith('not found'))) return undefined;
    expect(errors).toEqual([]);
    return replies.map(({ reply }) => reply);
  });
}

/** The record of a service. Like a Go client we wait 100 ms for nodes to answer. */
function found(peer: MdnsPeer, service: string): Promise<ServiceRecord> {
  return eventually(async () => (await peer.lookUp(service))[0]);
}

/** Makes records of one node, `<name>-1`, that differ in its metadata alone. */
function recordOf(name: string, address: string) {
  return (metadata: Readonly<Record<string, string>>) => ({
    name,
    version: '1',
    metadata: {},
    endpoints: [],
    nodes: [{ id: `${name}-1`, address, metadata }],
  });
}
