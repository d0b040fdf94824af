import { CODE, MicroError, type RegisteredEndpoint, type ServiceRecord } from '@micro/core';
import type { Session } from './session.ts';

/** So often a registry is asked before nobody is there: an answer by multicast may be lost, or come a moment late. */
const ATTEMPTS = 3;

/**
 * The records of a service, one per version. Throws a 404 when nobody is registered under the name, with the name that was
 * probably meant.
 */
export async function findService(
  { known, components }: Session,
  name: string,
  signal: AbortSignal,
): Promise<readonly ServiceRecord[]> {
  for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
    const records = await known.getService(name, { signal });
    if (records.length > 0) return records;
  }
  const { didYouMean } = await import('../program/suggest.ts');
  const names = await components.registry.listServices({ signal });
  throw new MicroError({
    id: 'go.micro.selector',
    code: CODE.notFound,
    detail: `service ${name}: not found in ${components.registry.name}${didYouMean(name, names)}`,
  });
}

/**
 * Looks whether a service lists an endpoint, and as what, before it is called: a stream that is called as if it had one
 * answer would be run all the same. An endpoint that is not listed may be there (`Debug.Health` is), unless its handler is
 * listed, or one with nearly its name. Throws a 404 that names what was probably meant, and a 400 for the wrong kind.
 */
export async function checkEndpoint(
  session: Session,
  { service, endpoint, kind, signal }: EndpointCheck,
): Promise<void> {
  const records = await findService(session, service, signal);
  const listed = records.flatMap(({ endpoints }) => endpoints);
  const same = listed.filter(({ name }) => name === endpoint);
  if (same.length === 0) {
    const handler = `${endpoint.split('.', 1)[0]}.`;
    const names = new Set(listed.map(({ name }) => name));
    const { suggestion } = await import('../program/suggest.ts');
    const meant = suggestion(endpoint, names);
    if (meant === undefined && !listed.some(({ name }) => name.startsWith(handler))) return;
    const hint =
      meant === undefined ? `: ${service} has ${[...names].slice(0, 10).join(', ')}` : `: did you mean ${meant}?`;
    throw refused(CODE.notFound, `unknown endpoint ${endpoint}${hint}`);
  }
  // Versions may differ in it.
  if (same.some((one) => isStream(one) === (kind === 'stream'))) return;
  throw refused(
    CODE.badRequest,
    kind === 'stream'
      ? `${endpoint} is no stream: use micro call`
      : `${endpoint} is a stream: use micro stream server, client or bidi`,
  );
}

/** Which endpoint is to be called, and how. */
export interface EndpointCheck {
  readonly service: string;
  readonly endpoint: string;
  readonly kind: 'unary' | 'stream';
  readonly signal: AbortSignal;
}

/** Whether a registered endpoint says that it is a stream, as go-micro says it. */
export function isStream({ metadata }: RegisteredEndpoint): boolean {
  return metadata.stream === 'true';
}

function refused(code: number, detail: string): MicroError {
  return new MicroError({ id: 'go.micro.client', code, detail });
}
