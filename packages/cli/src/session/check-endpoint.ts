import { CODE, MicroError, type RegisteredEndpoint } from '@micro/core';
import { findService } from './find-service.ts';
import type { Session } from './session.ts';

/** What an endpoint is, in the words of this program. A service of go-micro does not say which kind of stream it has. */
export type EndpointKind = 'unary' | 'server' | 'client' | 'bidi' | 'stream';

/** Which endpoint is to be called, and as what. */
export interface EndpointCheck {
  readonly service: string;
  readonly endpoint: string;
  readonly kind: Exclude<EndpointKind, 'stream'>;
  readonly signal: AbortSignal;
}

/**
 * Looks whether a service lists an endpoint, and as what, before it is called: a stream that is called as if it had one
 * answer would be run all the same. An endpoint that is not listed may be there (`Debug.Health` is), unless its handler is
 * listed, or one with nearly its name. Returns what the registry says of it. Throws a 404 that names what was probably meant,
 * and a 400 for the wrong kind.
 */
export async function checkEndpoint(
  session: Session,
  { service, endpoint, kind, signal }: EndpointCheck,
): Promise<RegisteredEndpoint | undefined> {
  const records = await findService(session, service, signal);
  const listed = records.flatMap(({ endpoints }) => endpoints);
  const named = listed.filter(({ name }) => name === endpoint);
  const [first] = named;
  if (first === undefined) {
    await checkUnlisted(service, endpoint, [...new Set(listed.map(({ name }) => name))]);
    return undefined;
  }
  // Versions may differ in it.
  const fits = named.map(kindOf).some((known) => known === kind || (known === 'stream' && kind !== 'unary'));
  if (!fits) throw refused(CODE.badRequest, `${endpoint} is ${WHAT[kindOf(first)]}`);
  return first;
}

/** What a registered endpoint says it is. */
export function kindOf({ metadata }: RegisteredEndpoint): EndpointKind {
  if (metadata.stream !== 'true') return 'unary';
  const { stream_kind: kind } = metadata;
  return kind === 'server' || kind === 'client' || kind === 'bidi' ? kind : 'stream';
}

const WHAT: Readonly<Record<EndpointKind, string>> = {
  unary: 'no stream: use micro call',
  server: 'a stream of answers: use micro stream server',
  client: 'a stream of requests: use micro stream client',
  bidi: 'a stream in both directions: use micro stream bidi',
  stream: 'a stream: use micro stream server, client or bidi',
};

async function checkUnlisted(service: string, endpoint: string, names: readonly string[]): Promise<void> {
  const { suggestion } = await import('../console/suggest.ts');
  const meant = suggestion(endpoint, names);
  const handler = `${endpoint.split('.', 1)[0]}.`;
  if (meant === undefined && !names.some((name) => name.startsWith(handler))) return;
  const hint = meant === undefined ? `${service} has ${names.slice(0, 10).join(', ')}` : `did you mean ${meant}?`;
  throw refused(CODE.notFound, `unknown endpoint ${endpoint}: ${hint}`);
}

function refused(code: number, detail: string): MicroError {
  return new MicroError({ id: 'go.micro.client', code, detail });
}
