import type { AddressInfo, Server } from 'node:net';
import { CODE } from '../error/code.ts';
import { MicroError } from '../error/micro-error.ts';
import { parseAddress } from './address.ts';
import { reasonOf } from './reason.ts';

/**
 * Connections that may wait for being accepted. Node's 511 is less than what a burst of callers opens over HTTP/1.1, and what
 * does not fit is reset. The operating system has a limit of its own, which Go's listeners use as it is.
 */
const BACKLOG = 65_535;

/**
 * Lets a server listen at `host:port`, `:port` or the first free port of `host:first-last`; resolves with what was bound.
 * Throws 400 for what is no address and 409, naming the address, when it cannot be had.
 */
export async function bind(server: Server, address: string): Promise<AddressInfo> {
  const { host, first, last } = parseAddress(address);
  for (let port = first; ; port++) {
    try {
      await new Promise<void>((resolve, reject) => {
        server.once('error', reject);
        server.listen({ port, backlog: BACKLOG, ...(host === '' ? {} : { host }) }, () => {
          server.off('error', reject);
          resolve();
        });
      });
      const bound = server.address();
      if (bound === null || typeof bound === 'string') throw new Error('no address was bound');
      return bound;
    } catch (error) {
      if (port < last) continue;
      throw new MicroError({
        id: 'go.micro.server',
        code: CODE.conflict,
        detail: `cannot listen at ${address}: ${reasonOf(error)}`,
        cause: error,
      });
    }
  }
}
