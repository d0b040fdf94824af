import type { Caller, Served } from './peer.ts';
import { loadPeer, loadRegistryPeer, loadStorePeer } from './peers.ts';
import { registryCaller } from './registry-caller.ts';
import { storeCaller } from './store-caller.ts';
import { isStoreWork, type LoadWork } from './work.ts';

/** Starts the server's half of a peer for a work. */
export async function serveHalf(name: string, work: LoadWork): Promise<Served> {
  if (work === 'registry') return (await loadRegistryPeer(name)).serve();
  return (isStoreWork(work) ? await loadStorePeer(name) : await loadPeer(name)).serve();
}

/** Connects the client's half, ready for the work. */
export async function connectHalf(name: string, work: LoadWork, address: string): Promise<Caller> {
  if (work === 'registry') return registryCaller(await loadRegistryPeer(name), address);
  if (isStoreWork(work)) return storeCaller(await (await loadStorePeer(name)).open(address), work);
  return (await loadPeer(name)).connect(address);
}
