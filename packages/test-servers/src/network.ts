/** Where a server runs: what `createNamespace()` makes, or the network of this process. */
export interface Network {
  /** The words that, put before a command, run it there. */
  readonly prefix: readonly string[];
  /** The address it is reached at. */
  readonly ip: string;
}

/** The loopback of this process. */
export const HERE: Network = { prefix: [], ip: '127.0.0.1' };
