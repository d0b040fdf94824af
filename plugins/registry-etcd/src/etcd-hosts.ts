import { CODE } from '@micro/core';
import { registryError } from '@micro/core/plugin';

/** Where etcd listens unless a host says so. */
const DEFAULT_PORT = 2379;
const DEFAULT_HOST = '127.0.0.1';

/** The servers of one etcd. */
export interface EtcdHosts {
  /** `host:port` of each, the host in brackets where it is IPv6. */
  readonly addresses: readonly string[];
  /** Whether a URL among them said `https`. */
  readonly secure: boolean;
}

/**
 * Reads one host or several: `host`, `host:port`, `[ipv6]:port` or a URL with `http` or `https`, in an array or in a text
 * separated by commas. None is `127.0.0.1:2379`. Throws 400 for anything else, and for a mix of `http` and `https`, where
 * go-micro leaves out what it cannot read and asks 127.0.0.1 instead.
 */
export function parseHosts(hosts: string | readonly string[] | undefined): EtcdHosts {
  const list = (typeof hosts === 'string' ? [hosts] : (hosts ?? []))
    .flatMap((text) => String(text).split(','))
    .map((text) => text.trim());
  if (list.length === 0) return { addresses: [`${DEFAULT_HOST}:${DEFAULT_PORT}`], secure: false };
  const parsed = list.map(parseHost);
  const schemes = new Set(parsed.flatMap(({ scheme }) => scheme ?? []));
  if (schemes.size > 1) {
    throw bad(`the etcd hosts ${list.map(shown).join(', ')} are both http and https; use one of them for all`);
  }
  return { addresses: [...new Set(parsed.map(({ address }) => address))], secure: schemes.has('https') };
}

function parseHost(text: string): { readonly address: string; readonly scheme: 'http' | 'https' | undefined } {
  const match = /^(?:(https?):\/\/)?(\[[0-9a-f:.]+(?:%[a-z0-9._-]+)?\]|[a-z0-9._-]+)(?::(\d{1,5}))?(\/?)$/i.exec(text);
  const scheme = match?.[1]?.toLowerCase();
  const port = Number(match?.[3] ?? DEFAULT_PORT);
  if (match === null || port < 1 || port > 65_535 || (match[4] !== '' && scheme === undefined)) {
    throw bad(`the etcd host ${shown(text)} is not host, host:port, [ipv6]:port or a URL such as http://host:2379`);
  }
  return { address: `${match[2]}:${port}`, scheme: scheme === 'http' || scheme === 'https' ? scheme : undefined };
}

/** For an error: what stands before an `@` may be a password. */
function shown(text: string): string {
  return JSON.stringify(text.replace(/\/\/.*@/, '//…@').slice(0, 100));
}

function bad(detail: string): Error {
  return registryError(CODE.badRequest, detail);
}
