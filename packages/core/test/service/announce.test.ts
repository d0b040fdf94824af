import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { expect, it } from 'vitest';
import type { ServiceRecord } from '../../src/contract/registry.ts';
import { createWorld } from './world.ts';

it('a server that has started tells whoever watches the process what it registered', async () => {
  const told: ServiceRecord[] = [];
  const note = (record: unknown): void => void told.push(record as ServiceRecord);
  subscribe('micro.server.started', note);
  try {
    await using world = createWorld();
    const service = await world.start({ name: 'told', id: '1' }, ({ server }) => {
      server.handle('Greeter', { hello: () => ({}) });
    });
    expect(told).toEqual(await world.registry.getService('told'));
    expect(told[0]?.nodes).toMatchObject([{ id: 'told-1', address: service.server.address }]);
  } finally {
    unsubscribe('micro.server.started', note);
  }
});
