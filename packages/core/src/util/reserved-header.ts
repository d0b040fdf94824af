import { HEADER } from '../contract/header.ts';

/** Fields that a connection, a message or the protocol itself owns. They are never metadata. */
const RESERVED: ReadonlySet<string> = new Set([
  HEADER.ID,
  HEADER.STREAM,
  HEADER.SERVICE,
  HEADER.METHOD,
  HEADER.ENDPOINT,
  HEADER.ERROR,
  HEADER.TOPIC,
  HEADER.PROTOCOL,
  HEADER.TARGET,
  HEADER.TIMEOUT,
  HEADER.CONTENT_TYPE,
  HEADER.ACCEPT,
  HEADER.LOCAL,
  HEADER.REMOTE,
  // Hop by hop (RFC 9110 section 7.6.1), and what HTTP itself writes.
  'Connection',
  'Keep-Alive',
  'Proxy-Authenticate',
  'Proxy-Authorization',
  'Proxy-Connection',
  'Te',
  'Trailer',
  'Transfer-Encoding',
  'Upgrade',
  'Host',
  'User-Agent',
  'Accept-Encoding',
  'Expect',
]);

const RESERVED_PREFIXES = ['Content-', 'X-Micro-'];

/** Whether a field, by its canonical name, belongs to the protocol and not to the user. */
export function isReservedHeader(canonicalName: string): boolean {
  return RESERVED.has(canonicalName) || RESERVED_PREFIXES.some((prefix) => canonicalName.startsWith(prefix));
}

/** Fields that prove who somebody is: they are neither forwarded nor written down. */
export const CREDENTIAL_HEADERS: readonly string[] = [HEADER.AUTHORIZATION, 'Proxy-Authorization', 'Cookie'];
