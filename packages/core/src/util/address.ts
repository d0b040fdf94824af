import { isIPv6 } from 'node:net';
import { CODE } from '../error/code.ts';
import { MicroError } from '../error/micro-error.ts';

/** A host and the ports it may be; one port, or a range to take the first free one of. */
export interface HostPorts {
  /** `''` means every interface. */
  readonly host: string;
  readonly first: number;
  readonly last: number;
}

/** Reads `host:port`, `:port`, `host:first-last` or `[ipv6]:port`. Throws 400 naming what is wrong. */
export function parseAddress(address: string): HostPorts {
  const match = /^(?:\[([^\]]*)\]|([^:]*)):(\d{1,5})(?:-(\d{1,5}))?$/.exec(address);
  const first = Number(match?.[3]);
  const last = match?.[4] === undefined ? first : Number(match[4]);
  if (match === null || first > 65_535 || last > 65_535 || last < first) {
    throw new MicroError({
      code: CODE.badRequest,
      detail: `address ${JSON.stringify(address)} is not host:port, :port, host:first-last or [ipv6]:port`,
    });
  }
  return { host: match[1] ?? match[2] ?? '', first, last };
}

/** Where to connect for an address; one without a host means this machine. Throws as `parseAddress` does. */
export function dialTarget(address: string): { readonly host: string; readonly port: number } {
  const { host, first } = parseAddress(address);
  return { host: host === '' ? '127.0.0.1' : host, port: first };
}

/** `host:port`, the host in brackets where it is IPv6. */
export function formatAddress(host: string, port: number | string): string {
  return isIPv6(host) ? `[${host}]:${port}` : `${host}:${port}`;
}
