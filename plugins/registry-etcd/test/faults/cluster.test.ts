import { setTimeout as sleep } from 'node:timers/promises';
import { eventually } from '@micro/core/conformance';
import { createNamespace, missingNamespace, startEtcdCluster } from '@micro/test-servers';
import { describe, expect, it } from 'vitest';
import { missing, why } from '../support.ts';
import { showTimes, startFleet } from './fleet.ts';

const noNamespace = missing ?? missingNamespace();

describe.skipIf(missing !== undefined).concurrent(`services on an etcd of three${why}`, { timeout: 120_000 }, () => {
  it('go on when its leader is killed, and when the next one stands still', async () => {
    await using etcd = await startEtcdCluster();
    const fleet = await startFleet({ hosts: etcd.urls });
    try {
      const leader = await etcd.leader();
      await leader.kill();
      const killed = await Promise.all([fleet.backAfter(), fleet.seenAfter()]);
      showTimes('its leader is killed', { entries: killed[0], events: killed[1] }, fleet);
      await leader.start();
      const next = await etcd.leader();
      next.freeze();
      const frozen = await Promise.all([fleet.backAfter(), fleet.seenAfter()]);
      showTimes('its leader stands still', { entries: frozen[0], events: frozen[1] }, fleet);
      next.thaw();
      await fleet.finish();
    } finally {
      await fleet.close();
    }
  });

  it('find each other without a majority, and register again when there is one', async () => {
    await using etcd = await startEtcdCluster();
    const fleet = await startFleet({ hosts: etcd.urls });
    try {
      const [first, second] = etcd.servers;
      await Promise.all([first?.kill(), second?.kill()]);
      await fleet.backAfter();
      await sleep(6_000);
      // One that was answered by a single member after a while had all of its time before the next one.
      await eventually(() => expect(fleet.failures.length).toBeGreaterThan(0), { timeoutMs: 20_000 });
      await Promise.all([first?.start(), second?.start()]);
      const [entries, events] = await Promise.all([fleet.backAfter(), fleet.seenAfter()]);
      showTimes('it loses its majority for 6 seconds', { entries, events }, fleet);
      await fleet.finish();
    } finally {
      await fleet.close();
    }
  });
});

describe.skipIf(noNamespace !== undefined)(
  `an etcd of three in three networks${noNamespace === undefined ? '' : ` (skipped: ${noNamespace})`}`,
  { timeout: 120_000 },
  () => {
    it('serves on when the network of its leader is cut off and joined again', async () => {
      const networks = await Promise.all([0, 1, 2].map(() => createNamespace()));
      const etcd = await startEtcdCluster({ namespace: networks });
      const fleet = await startFleet({ hosts: etcd.urls });
      try {
        const leader = await etcd.leader();
        const network = networks[etcd.servers.indexOf(leader)];
        await network?.partition();
        const [entries, events] = await Promise.all([fleet.backAfter(), fleet.seenAfter()]);
        showTimes('its leader is cut off', { entries, events }, fleet);
        await network?.heal();
        await fleet.backAfter();
        await fleet.finish();
      } finally {
        await fleet.close();
        await etcd.close();
        await Promise.all(networks.map((network) => network.close()));
      }
    });
  },
);
