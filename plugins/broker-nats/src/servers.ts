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
  const servers = (typeof given === 'string' ? [given] : given).flatMap((text) => partsOf(String(text)));
  if (servers.length === 0)
    throw brokerError(CODE.badRequest, 'servers is empty: give addresses such as nats://host:4222');
  return servers.map(({ text, shown }) => parseServer(text, shown));
}

/** The addresses of a list, and what errors show of them: a comma in a password cuts that in two, so an `@` comes later. */
function partsOf(list: string): readonly { readonly text: string; readonly shown: string }[] {
  const texts = list.split(',').map((text) => text.trim());
  const lastAt = texts.findLastIndex((text) => text.includes('@'));
  return texts
    .map((text, index) => ({ text, shown: index < lastAt && !text.includes('@') ? '…' : withoutSecrets(text) }))
    .filter(({ text }) => text !== '');
}

function withoutSecrets(text: string): string {
  return text.slice(text.lastIndexOf('@') + 1).slice(0, 80);
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

function parseServer(text: string, shown = withoutSecrets(text)): NatsServer {
  const [, scheme = 'nats', rest = ''] = /^(?:([a-z][a-z0-9+.-]*):\/\/)?(.*)$/is.exec(text) ?? [];
  if (!SCHEMES.has(scheme.toLowerCase())) {
    throw bad(shown, `${scheme}:// is not spoken: use nats:// or tls://`);
  }
  let url: URL;
  try {
    url = new URL(`nats://${rest}`);
  } catch {
    throw bad(shown, 'use host:port, nats://host:port or tls://host:port');
  }
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1');
  const port = url.port === '' ? DEFAULT_PORT : Number(url.port);
  if (host === '' || /\s/.test(host) || port === 0)
    throw bad(shown, 'use host:port, nats://host:port or tls://host:port');
  if ((url.pathname !== '' && url.pathname !== '/') || url.search !== '' || url.hash !== '') {
    throw bad(shown, 'nothing may stand behind the port');
  }
  const [name, password] = [decoded(shown, url.username), decoded(shown, url.password)];
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

function decoded(shown: string, part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    throw bad(shown, 'a % in user or password is written %25');
  }
}

function bad(shown: string, rule: string): MicroError {
  return brokerError(CODE.badRequest, `${JSON.stringify(shown)} is no address of a NATS server: ${rule}`);
}
