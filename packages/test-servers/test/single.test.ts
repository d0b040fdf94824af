import { describe, expect, test } from 'vitest';
import { isAlive } from './is-alive.ts';
import { KINDS, named } from './kinds.ts';

describe.each(KINDS)('one $kind server', ({ kind, missing, start, ask }) => {
  const runs = test.skipIf(missing !== undefined);

  runs(named(`answers when ${kind} has been started, and not when it was closed`, missing), async () => {
    const server = await start();
    expect(server.address).toBe(`${server.host}:${server.port}`);
    expect(server.url).toContain(server.address);
    expect(server.running).toBe(true);
    await ask(server);
    const { pid } = server;
    await server.close();
    expect(server.running).toBe(false);
    expect(isAlive(pid ?? 0)).toBe(false);
    await expect(ask(server)).rejects.toThrow();
    await expect(server.start()).rejects.toThrow('is closed');
    await server.close();
  });

  runs(
    named(`a killed ${kind} is gone at once, and answers on its own port when it is started again`, missing),
    async () => {
      await using server = await start();
      const { pid, url } = server;
      await server.kill();
      expect(server.running).toBe(false);
      expect(server.pid).toBeUndefined();
      await expect(ask(server)).rejects.toThrow('ECONNREFUSED');
      await server.kill();
      await server.start();
      expect(server.pid).not.toBe(pid);
      expect(server.url).toBe(url);
      await ask(server);
      await expect(server.start()).rejects.toThrow('is running already');
    },
  );

  runs(named(`a stopped ${kind} ends by itself, also when it was frozen`, missing), async () => {
    await using server = await start();
    await server.stop();
    expect(server.running).toBe(false);
    await server.restart();
    server.freeze();
    await server.stop();
    await expect(ask(server)).rejects.toThrow('ECONNREFUSED');
    await server.stop();
  });

  runs(named(`a frozen ${kind} lives and answers nothing until it is thawed`, missing), async () => {
    await using server = await start();
    server.freeze();
    expect(server.running).toBe(true);
    await expect(ask(server, 500)).rejects.not.toThrow('ECONNREFUSED');
    server.thaw();
    await ask(server);
    server.freeze();
  });
});

describe.each(KINDS.flatMap((one) => (one.write === undefined ? [] : [{ ...one, write: one.write }])))(
  'the data of $kind',
  ({ kind, missing, start, write, has }) => {
    test.skipIf(missing !== undefined)(
      named(`are there after a kill of ${kind}, and gone after a wipe`, missing),
      async () => {
        await using server = await start();
        await write(server);
        await server.kill();
        await server.start();
        expect(await has(server)).toBe(true);
        await server.restart({ wipe: true });
        expect(await has(server)).toBe(false);
      },
    );
  },
);
