import { isUtf8 } from 'node:buffer';
import { CODE, MicroError } from '@micro/core';
import { type KeyRange, pause } from '@micro/core/plugin';
import { oddReply, type RedisConnection, type RedisLink } from '@micro/redis-client';
import { patternOf } from './key-space.ts';
import { pageCollector } from './sorted-page.ts';

/** How many keys the server looks at for one answer. It serves nobody else meanwhile: about half a millisecond. */
const SCAN_COUNT = 1_000;
/** A scan whose server was lost begins anew after so long: a cluster may need a moment to know. */
const RESTART_MS = 200;
/** So often it begins anew however long that takes; after that only as long as the patience lasts. */
const SURE_RESTARTS = 3;

/** What a scan is made with. */
export interface ScanOptions {
  readonly link: RedisLink;
  /** What every key of the table begins with. */
  readonly start: string;
  readonly range: KeyRange;
  /** How long a server that is lost meanwhile is waited for. */
  readonly patienceMs: number;
  readonly signal: AbortSignal | undefined;
}

/**
 * The keys of a page. All masters are asked, and what comes twice counts once; keys that are no text, and what is kept under
 * a key of another type than a record's, are left out.
 *
 * A cursor of SCAN means something to the process that gave it, and to no other. Whoever goes on with it after a restart or
 * a failover misses keys without a word, so the scan begins anew then.
 */
export async function scanKeys({ link, start, range, patienceMs, signal }: ScanOptions): Promise<string[]> {
  let failedAt: number | undefined;
  for (let restarts = 0; ; restarts++) {
    const collector = pageCollector(range);
    const take = (keys: readonly Buffer[]): void => {
      for (const bytes of keys) {
        const key = isUtf8(bytes) ? bytes.toString().slice(start.length) : '';
        // No record has an empty key: that is somebody's key which is called like the table.
        if (key !== '' && key.endsWith(range.suffix)) collector.add(key);
      }
    };
    const pattern = patternOf(start, range.prefix, range.suffix);
    const masters = await link.masters(signal);
    const scans = masters.map((master) => scanMaster({ link, master, pattern, take, signal }));
    const failed = (await Promise.allSettled(scans)).find(({ status }) => status === 'rejected');
    if (failed?.status !== 'rejected') return collector.page();
    const error: unknown = failed.reason;
    failedAt ??= performance.now();
    const isLost = error instanceof MicroError && error.code === CODE.unavailable;
    const isLate = performance.now() - failedAt >= patienceMs && restarts >= SURE_RESTARTS;
    if (!isLost || isLate || patienceMs === 0 || link.isClosed) throw error;
    await pause(RESTART_MS, signal);
  }
}

interface MasterScan {
  readonly link: RedisLink;
  readonly master: RedisConnection;
  readonly pattern: string;
  readonly take: (keys: readonly Buffer[]) => void;
  readonly signal: AbortSignal | undefined;
}

async function scanMaster({ link, master, pattern, take, signal }: MasterScan): Promise<void> {
  let cursor = '0';
  let stream: unknown;
  do {
    const [next, keys] = await link.call({
      verb: 'listing',
      bytes: pattern.length,
      once: true,
      run: () => scanOnce(master, cursor, pattern),
      signal,
    });
    if (cursor !== '0' && master.stream !== stream) {
      throw new MicroError({
        id: 'go.micro.store',
        code: CODE.unavailable,
        detail: 'listing failed: the connection was replaced meanwhile, and the new one does not know how far it was',
      });
    }
    stream = master.stream;
    cursor = next;
    take(keys);
  } while (cursor !== '0');
}

async function scanOnce(
  master: RedisConnection,
  cursor: string,
  pattern: string,
): Promise<readonly [string, readonly Buffer[]]> {
  const reply = await master.callBuffer(
    ...(['scan', cursor, 'MATCH', pattern, 'COUNT', SCAN_COUNT, 'TYPE', 'string'] as const),
  );
  const [next, keys]: readonly unknown[] = Array.isArray(reply) ? reply : [];
  if (!Array.isArray(keys) || !keys.every((key) => Buffer.isBuffer(key))) throw oddReply('SCAN', reply);
  return [String(next), keys];
}
