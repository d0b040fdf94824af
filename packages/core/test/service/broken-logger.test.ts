import { once } from 'node:events';
import { expect, test } from 'vitest';
import type { Logger } from '../../src/contract/logger.ts';
import { createWorld } from './world.ts';

/** A logger whose parts all throw, but for those that are given. */
function brokenLogger(working: Partial<Logger> = {}): Logger {
  const broken = (): never => {
    throw new Error('the disk is full');
  };
  return { name: 'broken', enabled: broken, log: broken, logf: broken, fields: broken, ...working };
}

test('a service whose logger throws starts, answers and stops', async () => {
  const half = brokenLogger({ enabled: () => true, fields: () => half });
  for (const logger of [brokenLogger(), half]) {
    const warned = once(process, 'warning');
    await using world = createWorld();
    const service = await world.start({ logger }, ({ server }) =>
      server.handle('Greeter', {
        hello: () => 'Hello',
        fail() {
          throw new Error('this is logged too');
        },
      }),
    );
    const call = (endpoint: string) => service.client.call({ service: 'greeter', endpoint });
    expect(await call('Greeter.Hello')).toBe('Hello');
    await expect(call('Greeter.Fail')).rejects.toMatchObject({ code: 500, detail: 'this is logged too' });
    service.components.logger.logf('info', 'still %s', 'here');
    await service.stop();
    expect(service.server.status).toBe('stopped');
    const [warning] = (await warned) as [Error];
    expect(warning.message).toBe('the logger broken failed, and its lines are lost: Error: the disk is full');
  }
});
