import type { Peer } from '../peer.ts';
import { connectFrames, serveFrames } from './raw-net.ts';

/** When this much is gathered, the first write of a turn goes out, in bytes: some twenty small messages. */
const EARLY_BYTES = 2_048;

/**
 * raw-net, but the first of what was gathered goes out while the turn goes on. With one write per turn, client and server
 * wait for each other; here both work at the same time when there is a core for each, at the price of another system
 * call per turn.
 */
export const rawNetEarly: Peer = {
  serve: () => serveFrames(EARLY_BYTES),
  connect: (address) => connectFrames(address, EARLY_BYTES),
};
