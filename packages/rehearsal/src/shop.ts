import { join } from 'node:path';
import { type Market, openMarket } from './market.ts';
import { packCheckout } from './pack.ts';
import { mustRun } from './run.ts';

/** Opens a market that has every package as this checkout packs it: what users would get if it were released now. */
export async function openShop(): Promise<Market> {
  const market = await openMarket();
  const { folder, env } = market;
  try {
    for (const file of await packCheckout(join(folder, 'tarballs'))) {
      await mustRun('npm', ['publish', file, '--provenance=false', '--ignore-scripts'], { cwd: folder, env });
    }
    return market;
  } catch (error) {
    await market.close();
    throw error;
  }
}
