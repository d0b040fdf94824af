import { describe, expect, test } from 'vitest';
import type { Header } from '../../src/contract/message.ts';
import { CODE } from '../../src/error/code.ts';
import { MicroError } from '../../src/error/micro-error.ts';
import { createWorld, TRANSPORTS } from './world.ts';

describe.each(Object.entries(TRANSPORTS))('over the %s', (_, transport) => {
  test('onHeader is told the fields of an answer, and of an error before it is thrown', async () => {
    await using world = createWorld(transport());
    await world.start({}, ({ server }) =>
      server.handle('Greeter', {
        hello: async () => ({ msg: 'Hello' }),
        async fail() {
          throw new MicroError({ id: 'greeter', code: CODE.conflict, detail: 'taken' });
        },
      }),
    );
    const { client } = world.caller();
    const told: Header[] = [];
    const onHeader = (header: Header): void => {
      told.push(header);
    };
    await client.call({ service: 'greeter', endpoint: 'Greeter.Hello' }, { onHeader });
    await expect(client.call({ service: 'greeter', endpoint: 'Greeter.Fail' }, { onHeader })).rejects.toThrow('taken');
    expect(told).toMatchObject([
      { 'Content-Type': 'application/json' },
      { 'Micro-Error': expect.stringContaining('taken') },
    ]);
  });
});
