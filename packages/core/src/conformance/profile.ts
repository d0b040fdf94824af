import assert from 'node:assert/strict';
import type { Profile } from '../contract/profile.ts';
import { within } from './eventually.ts';

/** One private universe of profiles. */
export interface ProfileWorld {
  /** One that was not started yet. Each one that was made is independent of the others. */
  create(): Profile | Promise<Profile>;
  /** How many measurements it has written down. Absent where a profile writes none. */
  written?(): number | Promise<number>;
  close?(): void | Promise<void>;
}

/** How long starting and stopping may take: a heap has to be written out. */
const DEADLINE_MS = 30_000;

/** What every profile has to do. */
export const profileCases: Readonly<Record<string, (world: ProfileWorld) => Promise<void>>> = {
  'it has a name that a flag could give': async (world) => {
    assert.match((await world.create()).name, /^[a-z0-9][a-z0-9-]*$/);
  },

  'what was started is written down when it is stopped': async (world) => {
    const profile = await world.create();
    await start(profile);
    await stop(profile);
    if (world.written !== undefined) assert.ok((await world.written()) > 0, 'nothing was written down');
  },

  'starting twice is starting once': async (world) => {
    const profile = await world.create();
    await start(profile);
    await start(profile);
    await stop(profile);
    const before = await world.written?.();
    await stop(profile);
    assert.equal(await world.written?.(), before, 'the second stop wrote something');
  },

  'starting and stopping at the same time ends': async (world) => {
    const profile = await world.create();
    await Promise.all([start(profile), stop(profile)]);
    await stop(profile);
  },

  'stopping what was never started does nothing': async (world) => {
    const profile = await world.create();
    await stop(profile);
    if (world.written !== undefined) assert.equal(await world.written(), 0, 'it wrote something down');
  },

  'what was stopped can be started again': async (world) => {
    const profile = await world.create();
    for (let times = 0; times < 2; times++) {
      await start(profile);
      await stop(profile);
    }
    if (world.written !== undefined) assert.ok((await world.written()) > 0, 'nothing was written down');
  },
};

function start(profile: Profile): Promise<void> {
  return within('the start', profile.start(), DEADLINE_MS);
}

function stop(profile: Profile): Promise<void> {
  return within('the stop', profile.stop(), DEADLINE_MS);
}
