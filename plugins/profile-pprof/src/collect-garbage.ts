import { within } from '@micro/core/plugin';

const LIMIT_MS = 5_000;

/**
 * Frees what nobody holds, as go-micro does before it writes a heap profile, so that only what is in use is in there. Where
 * node was built without an inspector it does nothing: then what is free but not collected yet is in there too.
 */
export async function collectGarbage(): Promise<void> {
  const inspector = await import('node:inspector/promises').catch(() => undefined);
  if (inspector === undefined) return;
  const session = new inspector.Session();
  try {
    session.connect();
    await within(LIMIT_MS, 'collecting garbage', () => session.post('HeapProfiler.collectGarbage'));
  } catch {
    // A heap profile with some garbage in it is still one.
  } finally {
    session.disconnect();
  }
}
