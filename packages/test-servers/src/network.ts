/** Where a server runs: what `createNamespace()` makes, or the network of this process. */
export interface Network {
  /** The words that, put before a command, run it there. */
  readonly prefix: readonly string[];
  /** The address it is reached at. */
  readonly ip: string;
}

/** The loopback of this process. */
export const HERE: Network = { prefix: [], ip: '127.0.0.1' };

/** The network of one server: its own, or the one that all share. */
export function networkOf(networks: Network | readonly Network[], index: number): Network {
  if (!isList(networks)) return networks;
  const network = networks[index];
  if (network === undefined) throw new Error(`there are ${networks.length} namespaces: give one for each server`);
  return network;
}

function isList(networks: Network | readonly Network[]): networks is readonly Network[] {
  return Array.isArray(networks);
}
