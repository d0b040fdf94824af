import { describe, expect, test } from 'vitest';
import { MicroError } from '../../src/error/micro-error.ts';
import { silentLogger } from '../../src/logger/silent-logger.ts';
import { memoryRegistry } from '../../src/registry/memory-registry.ts';
import { createService } from '../../src/service/create-service.ts';
import { memoryTransport } from '../../src/transport/memory-transport.ts';

/** Nothing can be asked of it: not its prototype, not a symbol, not its text. */
const closed = (): object => {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  return proxy;
};

describe.each<[string, () => unknown, string]>([
  ['undefined', () => undefined, 'undefined'],
  ['a text', () => 'out of stock', 'out of stock'],
  ['an object that is no text', () => Object.create(null), '[object Object]'],
  ['an error whose message is no text', () => Object.assign(new Error('x'), { message: 5 }), '5'],
  ['a proxy that does not let itself be looked at', closed, 'an object without a text'],
])('%s', (_, thing, detail) => {
  test('becomes an error', () => {
    expect(MicroError.from(thing())).toMatchObject({ code: 500, detail });
  });

  test('is answered when a handler throws it, and the service stops', async () => {
    const [registry, transport, logger] = [memoryRegistry(), memoryTransport(), silentLogger()];
    const service = createService({ name: 'shop', registry, transport, logger });
    service.server.handle('Shop', {
      buy() {
        throw thing();
      },
    });
    await service.start();
    try {
      const buying = service.client.call({ service: 'shop', endpoint: 'Shop.Buy', body: {} }, { retries: 0 });
      await expect(buying).rejects.toMatchObject({ code: 500, detail });
    } finally {
      await service.stop();
    }
  });
});
