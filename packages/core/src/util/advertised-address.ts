import { isIPv4, isIPv6 } from 'node:net';
import { type NetworkInterfaceInfo, networkInterfaces } from 'node:os';
import { formatAddress } from './address.ts';

/**
 * The address that others should use for a server bound to `address`: go-micro's rule. A host that means every interface
 * is replaced by the first private address of this machine (10/8, 172.16/12, 192.168/16, 100.64/10, fd00::/8), else by the
 * last public one, else by loopback.
 */
export function advertisedAddress(
  address: string,
  interfaces: NodeJS.Dict<NetworkInterfaceInfo[]> = networkInterfaces(),
): string {
  const colon = address.lastIndexOf(':');
  const host = address.slice(0, colon).replace(/^\[|\]$/g, '');
  const port = address.slice(colon + 1);
  const chosen = host === '' || host === '0.0.0.0' || host === '::' ? machineAddress(interfaces) : host;
  return formatAddress(chosen, port);
}

/** The same where a user may have said which it is: their host and port, or their host with the port that was bound. */
export function advertisedAs(advertise: string | undefined, bound: string): string {
  if (advertise === undefined) return advertisedAddress(bound);
  const port = bound.slice(bound.lastIndexOf(':') + 1);
  // An IPv6 address ends as if it had a port: `fd00::12`, as a Pod knows its own.
  if (isIPv6(advertise)) return formatAddress(advertise, port);
  return /:\d+$/.test(advertise) ? advertise : `${advertise}:${port}`;
}

function machineAddress(interfaces: NodeJS.Dict<NetworkInterfaceInfo[]>): string {
  const all = Object.values(interfaces).flatMap((infos) => infos ?? []);
  const outside = all.filter((info) => !info.internal && !info.address.startsWith('fe80:'));
  const own = outside.find((info) => isPrivate(info.address)) ?? outside.filter((info) => isIPv4(info.address)).at(-1);
  return (own ?? outside.at(-1))?.address ?? '127.0.0.1';
}

function isPrivate(address: string): boolean {
  if (isIPv6(address)) return /^f[cd]/i.test(address);
  const [first = 0, second = 0] = address.split('.').map(Number);
  return (
    first === 10 ||
    (first === 172 && second >= 16 && second < 32) ||
    (first === 192 && second === 168) ||
    (first === 100 && second >= 64 && second < 128)
  );
}
