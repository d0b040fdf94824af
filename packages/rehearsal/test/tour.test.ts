import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { eventually } from '@micro/core/conformance';
import { type Pty, startOnPty } from '@micro/test-servers';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ROOT } from '../../../.ci/workspaces.mjs';
import type { Market } from '../src/market.ts';
import { openShop } from '../src/shop.ts';
import { comparable, type Step, screenOf, stepsOf, withShown } from '../src/tour.ts';
import { privately } from './world.ts';

/*
 * docs/tour.md, typed by somebody who has nothing but Node and npm: every command, in order, on a pseudo-terminal. With
 * `TOUR=write` the page is written anew with what was shown.
 */
const PAGE = join(ROOT, 'docs', 'tour.md');
const COMMAND_MS = 600_000;
const LOOK_MS = 180_000;
const QUIET_MS = 4_000;
/** Where the page says that it happens. */
const HOME = '/home/john';
const NPM_ASKS = 'Ok to proceed? (y)';

let shop: Market;
let folder: string;

beforeAll(async () => {
  shop = await openShop();
  folder = await mkdtemp(join(tmpdir(), 'micro tour '));
});

afterAll(async () => {
  await shop?.close();
  await rm(folder, { recursive: true, force: true });
});

test('every command of the tour prints what the page says', async () => {
  const page = await readFile(PAGE, 'utf8');
  const here = { ...(await privately()), MICRO_SERVER_ADDRESS: '127.0.0.1:0' };
  const env = { ...shop.env, ...here, NO_COLOR: '1', CI: undefined };
  const traveller = createTraveller(env);
  const shown: string[] = [];
  try {
    for (const step of stepsOf(page)) {
      const seen = await traveller.take(step);
      shown.push(seen);
      if (process.env.TOUR !== 'write') expect(comparable(seen), step.command).toBe(comparable(step.shown));
    }
  } finally {
    await traveller.leave();
    if (process.env.TOUR === 'write') await writeFile(PAGE, withShown(page, shown));
  }
});

/** Somebody in front of two terminals. */
function createTraveller(env: Readonly<Record<string, string | undefined>>) {
  let cwd = folder;
  let dev: Pty | undefined;
  let devSeen = 0;

  async function type(command: string): Promise<string> {
    const [, where] = /^cd (\S+)$/.exec(command) ?? [];
    if (where !== undefined) {
      cwd = resolve(cwd, where);
      await mkdir(cwd, { recursive: false }).catch(() => {});
      return '';
    }
    const pty = startOnPty(['bash', '-c', command], { cwd, env });
    const ended = pty.ended(COMMAND_MS);
    // npm asks before it runs a package that is not there yet.
    if (command.startsWith('npm create')) {
      await eventually(() => expect(pty.shown()).toContain(NPM_ASKS), { timeoutMs: LOOK_MS });
      pty.type('y\r');
    }
    await ended;
    return placed(screenOf(pty.output()));
  }

  /** Where it is on this machine is nobody's business. */
  const placed = (text: string): string => text.replaceAll(folder, HOME);

  /** What the terminal of `npm run dev` shows that it has not shown before, once it is what the page says. */
  async function look(expected: string): Promise<string> {
    const fresh = (): string =>
      placed(screenOf(screenOf(dev?.output() ?? '').slice(devSeen)))
        .replaceAll(/^\^C\n?/gm, '')
        .trim();
    if (process.env.TOUR === 'write') {
      let before = '';
      await eventually(
        async () => {
          const now = fresh();
          const same = now === before && now !== '';
          before = now;
          if (!same) throw new Error('it still changes');
        },
        { timeoutMs: LOOK_MS, everyMs: QUIET_MS },
      );
    } else {
      await eventually(() => expect(comparable(fresh())).toBe(comparable(expected)), { timeoutMs: LOOK_MS }).catch(
        () => {},
      );
    }
    const seen = fresh();
    devSeen = screenOf(dev?.output() ?? '').length;
    return seen;
  }

  return {
    async take({ terminal, command, shown }: Step): Promise<string> {
      if (terminal === 'main') return type(command ?? 'true');
      if (command === '^C') {
        dev?.type('\u0003');
        await dev?.ended(COMMAND_MS);
      } else if (command !== undefined) {
        dev = startOnPty(['bash', '-c', `exec ${command}`], { cwd, env });
      }
      return look(shown);
    },
    async leave(): Promise<void> {
      dev?.type('\u0003\u0003');
      await dev?.ended(COMMAND_MS).catch(() => {});
    },
  };
}
