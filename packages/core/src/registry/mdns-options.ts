import type { Logger } from '../contract/logger.ts';

/** What an mDNS registry may take. */
export interface MdnsRegistryOptions {
  /** Registries of one domain see each other. Default `micro`, as go-micro's. */
  readonly domain?: string | undefined;
  /** How long a lookup collects answers, in milliseconds; it always takes so long. Default 100, as go-micro's. */
  readonly timeoutMs?: number | undefined;
  /** The UDP port. Default 5353; another one keeps a test among itself. */
  readonly port?: number | undefined;
  /** The address of the interface to use, or several. Default: every IPv4 interface, loopback too. */
  readonly interface?: string | readonly string[] | undefined;
  /** How many events may wait for a watcher; one more fails its watch with a 429. Default 4,096; 0 is no limit. */
  readonly watchLimit?: number | undefined;
  /** Told once, as a warning, when multicast turns out not to work. Default: nobody is told. */
  readonly logger?: Logger | undefined;
}
