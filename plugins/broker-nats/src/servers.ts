import { isIP } from 'node:net';
import { CODE, type MicroError } from '@micro/core';
import { brokerError } from '@micro/core/plugin';

/** One NATS server, as a URL names it. */
export interface NatsServer {
  readonly host: string;
  readonly port: number;
  /** The URL says that it has to be spoken to over TLS. */
  readonly secure: boolean;
  /** The name its certificate must carry; for a server that another one told of, that one's. */
  readonly certificateName: string;
  readonly user: string | undefined;
  readonly password: string | undefined;
  readonly token: string | undefined;
}

const DEFAULT_SERVER = '127.0.0.1:4222';
const DEFAULT_PORT = 4222;
const SCHEMES: ReadonlySet<string> = new Set(['nats', 'tls']);

/** Reads a list of servers. Throws 400 for what is none; the error never shows what stands before an `@`. */
export function parseServers(given: string | readonly string[] = DEFAULT_SERVER): readonly NatsServer[] {
  const texts = (typeof given === 'string' ? [given] : given).flatMap((text) => String(text).split(','));
  const servers = texts.map((text) => text.trim()).filter((text) => text !== '');
  if (servers.length === 0)
    throw brokerError(CODE.badRequest, 'servers is empty: give addresses such as nats://host:4222');
  return servers.map(parseServer);
}

/** `host:port`, with brackets around an IPv6 address. */
export function addressOf({ host, port }: Pick<NatsServer, 'host' | 'port'>): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

/** A server that another one told of: reached with what that one is reached with. */
export function discovered(address: string, teller: NatsServer): NatsServer | undefined {
  try {
    const { host, port } = parseServer(address);
    const certificateName = isIP(host) === 0 ? host : teller.certificateName;
    return { ...teller, host, port, certificateName };
  } catch {
    return undefined;
  }
}

function parseServer(text: string): NatsServer {
  const [, scheme = 'nats', rest = ''] = /^(?:([a-z][a-z0-9+.-]*):\/\/)?(.*)$/is.exec(text) ?? [];
  if (!SCHEMES.has(scheme.toLowerCase())) {
    throw bad(text, `${scheme}:// is not spoken: use nats:// or tls://`);
  }
  let url: URL;
  try {
    url = new URL(`nats://${rest}`);
  } catch {
    throw bad(text, 'use host:port, nats://host:port or tls://host:port');
  }
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1');
  const port = url.port === '' ? DEFAULT_PORT : Number(url.port);
  if (host === '' || /\s/.test(host) || port === 0)
    throw bad(text, 'use host:port, nats://host:port or tls://host:port');
  if ((url.pathname !== '' && url.pathname !== '/') || url.search !== '' || url.hash !== '') {
    throw bad(text, 'nothing may stand behind the port');
  }
  const [name, password] = [decoded(text, url.username), decoded(text, url.password)];
  // As in Go: a name without a password is a token.
  const isToken = name !== '' && password === '';
  return {
    host,
    port,
    secure: scheme.toLowerCase() === 'tls',
    certificateName: host,
    user: name === '' || isToken ? undefined : name,
    password: password === '' ? undefined : password,
    token: isToken ? name : undefined,
  };
}

function decoded(text: string, part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    throw bad(text, 'a % in user or password is written %25');
  }
}

function bad(text: string, rule: string): MicroError {
  const shown = JSON.stringify(text.slice(text.lastIndexOf('@') + 1).slice(0, 80));
  return brokerError(CODE.badRequest, `${shown} is no address of a NATS server: ${rule}`);
}
