import type { Middleware } from '../contract/middleware.ts';

/** How a service serves. Every number: `undefined` is the default, `0` is off. */
export interface ServerSettings {
  /** Around every handler, the first one outermost. */
  readonly middleware?: readonly Middleware[] | undefined;
  /** Around every subscriber, the first one outermost. */
  readonly subscriberMiddleware?: readonly Middleware[] | undefined;
  /** Where to listen: `host:port`, `:port` or `host:first-last`. Default `:0`, any free port on every interface. */
  readonly address?: string | undefined;
  /** The address that others should use, with or without a port. Default: found from what was bound. */
  readonly advertise?: string | undefined;
  /** How long a registration lives without being renewed, in milliseconds. Default 90,000; 0 is for ever. */
  readonly registerTtlMs?: number | undefined;
  /** How often it is renewed, in milliseconds. Default 30,000; 0 registers once. */
  readonly registerIntervalMs?: number | undefined;
  /** Throws, or resolves with false, while the service should not be found. Default: always found. */
  readonly registerCheck?: (() => unknown) | undefined;
  /** How long it serves on after it is out of the registry, so that callers learn of it, in milliseconds. Default 100. */
  readonly settleMs?: number | undefined;
  /** How long calls, streams and subscribers may take to finish when it stops, in milliseconds. Default 25,000; 0 is for ever. */
  readonly drainMs?: number | undefined;
}
