import { setTimeout as sleep } from 'node:timers/promises';
import { createNamespace, missingNamespace, startEtcd, type TestServer } from '@micro/test-servers';
import { describe, expect, it } from 'vitest';
import { missing, why } from '../support.ts';
import { showTimes, startFleet } from './fleet.ts';

const noNamespace = missing ?? missingNamespace();
describe.skipIf(missing !== undefined).concurrent(`services on one etcd${why}`, { timeout: 120_000 }, () => {
  const faults: Readonly<Record<string, (etcd: TestServer) => Promise<void>>> = {
    'is restarted': (etcd) => etcd.restart(),
    'is killed and started again after 5 seconds': async (etcd) => {
      await etcd.kill();
      await sleep(5_000);
      await etcd.start();
    },
    'is killed, and started again without its data': async (etcd) => {
      await etcd.kill();
      await etcd.start({ wipe: true });
    },
    'stands still for 20 seconds': async (etcd) => {
      etcd.freeze();
      await sleep(20_000);
      etcd.thaw();
    },
  };

  it.each(Object.entries(faults))('go on when it %s', async (what, fault) => {
    await using etcd = await startEtcd();
    const fleet = await startFleet({ hosts: etcd.url });
    try {
      await sleep(500);
      await fault(etcd);
      const [entries, events] = await Promise.all([fleet.backAfter(), fleet.seenAfter()]);
      showTimes(what, { entries, events, failures: fleet.failures.length, calls: fleet.calls });
      expect(entries).toBeLessThan(10_000);
      expect(events).toBeLessThan(15_000);
      await fleet.finish();
      await fleet.toldOnce();
    } finally {
      await fleet.close();
    }
  });
});

describe
  .skipIf(noNamespace !== undefined)
  .concurrent(
    `services that are cut off from their etcd${noNamespace === undefined ? '' : ` (skipped: ${noNamespace})`}`,
    { timeout: 120_000 },
    () => {
      it('go on, and are found again when they are no longer, also when their leases have ended meanwhile', async () => {
        await using network = await createNamespace();
        await using etcd = await startEtcd({ namespace: network });
        const fleet = await startFleet({ hosts: etcd.url, ttlMs: 8_000 });
        try {
          await sleep(500);
          await network.partition();
          await sleep(15_000);
          await network.heal();
          const [entries, events] = await Promise.all([fleet.backAfter(), fleet.seenAfter()]);
          showTimes('is cut off for 15 seconds', {
            entries,
            events,
            failures: fleet.failures.length,
            calls: fleet.calls,
          });
          expect(entries).toBeLessThan(15_000);
          await fleet.finish({ mayMiss: true });
          await fleet.toldOnce();
        } finally {
          await fleet.close();
        }
      });
    },
  );
