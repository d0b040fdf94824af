import { CODE, MicroError, type ServiceRecord } from '@micro/core';
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
  const records = await untilSome(() => known.getService(name, { signal }));
  if (records.length > 0) return records;
  const { didYouMean } = await import('../console/suggest.ts');
  const names = await listServices(components, signal);
  throw new MicroError({
    id: 'go.micro.selector',
    code: CODE.notFound,
    detail: `service ${name}: not found in ${components.registry.name}${didYouMean(name, names)}`,
  });
}

/** The names of all services, sorted. */
export function listServices({ registry }: Session['components'], signal: AbortSignal): Promise<readonly string[]> {
  return untilSome(() => registry.listServices({ signal }));
}

async function untilSome<T>(ask: () => Promise<readonly T[]> | readonly T[]): Promise<readonly T[]> {
  for (let attempt = 1; ; attempt++) {
    const found = await ask();
    if (found.length > 0 || attempt === ATTEMPTS) return found;
  }
}
