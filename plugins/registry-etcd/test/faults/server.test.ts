import { setTimeout as sleep } from 'node:timers/promises';
import { createNamespace, missingNamespace, startEtcd, type TestServer } from '@micro/test-servers';
import { describe, expect, it } from 'vitest';
import { missing, why } from '../support.ts';
import { showTimes, startFleet } from './fleet.ts';

const noNamespace = missing ?? missingNamespace();
/** In which everything has to be as before, also on a machine that is busy with other things. */
const BACK_MS = 30_000;

const goOn = async (what: string, fault: (etcd: TestServer) => Promise<void>): Promise<void> => {
  await using etcd = await startEtcd();
  const fleet = await startFleet({ hosts: etcd.url });
  try {
    await sleep(500);
    await fault(etcd);
    const [entries, events] = await Promise.all([fleet.backAfter(), fleet.seenAfter()]);
    showTimes(what, { entries, events }, fleet);
    expect(entries).toBeLessThan(BACK_MS);
    expect(events).toBeLessThan(BACK_MS);
    await fleet.finish();
    await fleet.toldOnce();
  } finally {
    await fleet.close();
  }
};

describe.skipIf(missing !== undefined)(`services on one etcd${why}`, { timeout: 150_000 }, () => {
  it('go on when it is restarted', () => goOn('is restarted', (etcd) => etcd.restart()));

  it('go on when it is killed, and started again without its data', () =>
    goOn('is started again without its data', async (etcd) => {
      await etcd.kill();
      await etcd.start({ wipe: true });
    }));

  it.concurrent('go on when it is killed, and started again after 5 seconds', () =>
    goOn('is killed, and started again after 5 seconds', async (etcd) => {
      await etcd.kill();
      await sleep(5_000);
      await etcd.start();
    }));

  it.concurrent('go on when it stands still for 20 seconds', () =>
    goOn('stands still for 20 seconds', async (etcd) => {
      etcd.freeze();
      await sleep(20_000);
      etcd.thaw();
    }));

  (noNamespace === undefined ? it.concurrent : it.skip)(
    `are found again when they were cut off from it, also when their leases have ended meanwhile${noNamespace === undefined ? '' : ` (skipped: ${noNamespace})`}`,
    async () => {
      await using network = await createNamespace();
      await using etcd = await startEtcd({ namespace: network });
      const fleet = await startFleet({ hosts: etcd.url, ttlMs: 8_000 });
      try {
        await sleep(500);
        await network.partition();
        await sleep(15_000);
        await network.heal();
        const [entries, events] = await Promise.all([fleet.backAfter(), fleet.seenAfter()]);
        showTimes('cannot be reached for 15 seconds', { entries, events }, fleet);
        expect(entries).toBeLessThan(BACK_MS);
        expect(events).toBeLessThan(BACK_MS);
        await fleet.finish({ mayMiss: true });
        await fleet.toldOnce();
      } finally {
        await fleet.close();
      }
    },
  );
});
