import { CODE } from '@micro/core';
import type { ErrorOf } from './redis-error.ts';

/** Where a server is, and what it is told about who comes. */
export interface RedisAddress {
  readonly scheme: 'redis' | 'rediss' | 'unix' | 'redis+sentinel' | 'rediss+sentinel';
  readonly host: string;
  readonly port: number;
  /** The socket file of a `unix:` address. */
  readonly path?: string | undefined;
  readonly username?: string | undefined;
  readonly password?: string | undefined;
  readonly database?: number | undefined;
  /** The name of the master that the sentinels of a `redis+sentinel:` address know. */
  readonly master?: string | undefined;
}

const REDIS_PORT = 6_379;
const SENTINEL_PORT = 26_379;
const FORMS =
  'redis://[user:password@]host[:port][/database], rediss:// for TLS, unix:///path/to/socket, redis+sentinel://host[:port]/master[/database], or host:port';

/** Reads addresses: each text may be a comma list. Throws a 400 that names the one it cannot read, without its password. */
export function parseAddresses(given: string | readonly string[], errorOf: ErrorOf): readonly RedisAddress[] {
  const texts = (typeof given === 'string' ? [given] : given)
    .flatMap((text) => partsOf(String(text)))
    .filter(({ text }) => text !== '');
  return texts.map((part) => parseAddress(part, errorOf));
}

/** One address of a list, and what errors show of it. */
interface ListPart {
  readonly text: string;
  readonly shown: string;
}

/** A comma in a password, which has to be percent-encoded, cuts it in two: then an `@` comes in a later part only. */
function partsOf(list: string): readonly ListPart[] {
  const texts = list.split(',').map((text) => text.trim());
  const lastAt = texts.findLastIndex((text) => text.includes('@'));
  return texts.map((text, index) => ({
    text,
    shown: index < lastAt && !text.includes('@') ? `${schemeOf(text)}…` : withoutSecrets(text),
  }));
}

function parseAddress({ text, shown }: ListPart, errorOf: ErrorOf): RedisAddress {
  const bad = (why: string) =>
    errorOf(CODE.badRequest, `${JSON.stringify(shown)} is no address of redis: ${why}; use ${FORMS}`);
  const url = readUrl(text);
  if (url === undefined) throw bad('it cannot be read');
  const scheme = url.protocol.slice(0, -1);
  const username = decoded(url.username);
  const password = decoded(url.password);
  if (username === undefined || password === undefined) throw bad('its user or password is not percent-encoded');
  if (url.hash !== '') throw bad('it has a #');
  const credentials = {
    ...(username === '' ? {} : { username }),
    ...(password === '' ? {} : { password }),
  };
  // URL keeps the brackets around an IPv6 address.
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1');

  if (scheme === 'unix') {
    const path = decoded(url.pathname);
    if (host !== '' || path === undefined || path === '' || path === '/') throw bad('a socket has an absolute path');
    const odd = [...url.searchParams.keys()].find((name) => name !== 'db');
    if (odd !== undefined) throw bad(`${odd} means nothing here`);
    const database = numberOf(url.searchParams.get('db') ?? '');
    if (database === null) throw bad('its database is no number');
    return { scheme, host: '', port: 0, path, ...credentials, database };
  }
  if (scheme !== 'redis' && scheme !== 'rediss' && scheme !== 'redis+sentinel' && scheme !== 'rediss+sentinel') {
    throw bad(`${scheme}: is none of its schemes`);
  }
  // go-redis refuses them too. Left unread, a `?db=3` would be database 0.
  if (url.search !== '') throw bad('it has a query');
  const isSentinel = scheme.endsWith('+sentinel');
  const parts = url.pathname.split('/').slice(1);
  const name = isSentinel ? decoded(parts.shift() ?? '') : '';
  if (isSentinel && (name === undefined || name === '')) throw bad('the name of the master is missing');
  if (parts.length > 1 || (host === '' && (isSentinel || url.port !== ''))) throw bad('it cannot be read');
  const database = numberOf(parts[0] ?? '');
  if (database === null) throw bad('its database is no number');
  return {
    scheme,
    host: host === '' ? '127.0.0.1' : host,
    port: url.port === '' ? (isSentinel ? SENTINEL_PORT : REDIS_PORT) : Number(url.port),
    ...credentials,
    database,
    ...(isSentinel ? { master: name } : {}),
  };
}

function readUrl(text: string): URL | undefined {
  if (/[\s\\]/.test(text)) return undefined;
  const withScheme = text.includes('://') ? text : `redis://${text}`;
  const url = URL.canParse(withScheme) ? new URL(withScheme) : undefined;
  // `:6380` alone, `host:` and `/path` are most likely slips.
  return url === undefined || (!text.includes('://') && /^[:/]|:$/.test(text)) ? undefined : url;
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}

/** `null` when the text is no number, `undefined` when there is none. */
function numberOf(text: string): number | undefined | null {
  if (text === '') return undefined;
  return /^\d{1,9}$/.test(text) ? Number(text) : null;
}

/**
 * An address as it may be shown: what stands before the last `@`, or after a `?`, could be a password, however badly it is
 * written.
 */
function withoutSecrets(text: string): string {
  const shown = text.replace(/\?.*$/s, '?…');
  const at = shown.lastIndexOf('@');
  return (at === -1 ? shown : `${schemeOf(shown)}…${shown.slice(at)}`).slice(0, 120);
}

function schemeOf(text: string): string {
  return /^[a-z+]*:\/\//i.exec(text)?.[0] ?? '';
}

/** `host:port`, with brackets around IPv6, or the path of a socket. */
export function addressText({ host, port, path }: Pick<RedisAddress, 'host' | 'port' | 'path'>): string {
  if (path !== undefined) return path;
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}
