import assert from 'node:assert/strict';
import { eventually, within } from './eventually.ts';

/** Something that is started and stopped, seen through these three functions. */
export interface Lifecycle {
  start(): Promise<unknown>;
  stop(): Promise<unknown>;
  /** Whether it does its work now. What is running says yes, what is not says no or throws. */
  works(): boolean | Promise<boolean>;
}

/** One private universe of things that are started and stopped. */
export interface LifecycleWorld {
  /** One that was not started yet. Each one that was made is independent of the others. */
  create(): Lifecycle | Promise<Lifecycle>;
  close?(): void | Promise<void>;
}

/** How long starting and stopping may take. */
const DEADLINE_MS = 10_000;

/** What everything that is started and stopped has to do, a server, a broker or a service alike. */
export const lifecycleCases: Readonly<Record<string, (world: LifecycleWorld) => Promise<void>>> = {
  'it works from when it was started until it is stopped': async (world) => {
    const thing = await world.create();
    await isIdle(thing);
    await start(thing);
    await isAtWork(thing);
    await stop(thing);
    await isIdle(thing);
  },

  'starting twice is starting once': async (world) => {
    const thing = await world.create();
    await start(thing);
    await start(thing);
    await isAtWork(thing);
    await stop(thing);
    await isIdle(thing);
  },

  'starting twice at the same time is starting once': async (world) => {
    const thing = await world.create();
    await Promise.all([start(thing), start(thing)]);
    await isAtWork(thing);
    await stop(thing);
    await isIdle(thing);
  },

  'stopping twice is stopping once': async (world) => {
    const thing = await world.create();
    await start(thing);
    await stop(thing);
    await stop(thing);
    await isIdle(thing);
  },

  'stopping twice at the same time is stopping once': async (world) => {
    const thing = await world.create();
    await start(thing);
    await Promise.all([stop(thing), stop(thing)]);
    await isIdle(thing);
  },

  'stopping what was never started does nothing': async (world) => {
    const thing = await world.create();
    await stop(thing);
    await isIdle(thing);
  },

  'what was stopped can be started again': async (world) => {
    const thing = await world.create();
    for (let times = 0; times < 2; times++) {
      await start(thing);
      await isAtWork(thing);
      await stop(thing);
      await isIdle(thing);
    }
  },
};

function start(thing: Lifecycle): Promise<unknown> {
  return within('the start', thing.start(), DEADLINE_MS);
}

function stop(thing: Lifecycle): Promise<unknown> {
  return within('the stop', thing.stop(), DEADLINE_MS);
}

async function isAtWork(thing: Lifecycle): Promise<void> {
  await eventually(async () => assert.equal(await thing.works(), true, 'it should work, since it was started'));
}

async function isIdle(thing: Lifecycle): Promise<void> {
  const works = await Promise.resolve()
    .then(() => thing.works())
    .catch(() => false);
  assert.equal(works, false, 'it should not work, since it is not started');
}
