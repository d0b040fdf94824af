import { expect, test } from 'vitest';
import { createDevService } from '../src/dev/dev-service.ts';
import type { Outcome, Version } from '../src/dev/version.ts';

/** A version that says how its start went, and takes as long to end, as the test wants. */
function createVersion() {
  const started = resolvers<Outcome>();
  const ended = resolvers<string | undefined>();
  const version: Version = {
    ...{ outcome: started.promise, ended: ended.promise, startedAt: performance.now(), pid: 1 },
    inspect() {},
    end: () => ended.promise.then(() => true),
  };
  return { version, started, ended };
}

test('a version that files have changed under is not said to have failed, whatever changes while it ends', async () => {
  const versions = [createVersion(), createVersion()];
  const launched = versions.values();
  const said: string[] = [];
  const service = createDevService({
    launch: async () => {
      const next = launched.next().value;
      if (next === undefined) throw new Error('a third version is started');
      return next.version;
    },
    ...{ shown: 'main.ts', stopFirst: false, inspectPort: undefined, isWatched: true, onState() {} },
    say: (text) => said.push(text),
  });
  const [first, second] = versions;
  const starting = service.start();
  // It is being launched, and then waited for.
  await new Promise(setImmediate);
  void service.replace();
  first?.started.resolve({ state: 'failed', how: 'was ended by SIGKILL', isHeld: false, isBroken: false });
  await new Promise(setImmediate);
  const replaced = service.replace();
  first?.ended.resolve('was ended by SIGKILL');
  second?.started.resolve({ state: 'up', started: undefined });
  await Promise.all([starting, replaced]);
  expect(said).toEqual(['starting main.ts', 'starting main.ts', 'runs, and has started no server']);
  second?.ended.resolve(undefined);
  await service.stop();
});

/** `Promise.withResolvers`, which Node 20 has not. */
function resolvers<T>() {
  let resolve: (value: T) => void = () => {};
  const promise = new Promise<T>((done) => {
    resolve = done;
  });
  return { promise, resolve };
}
