import { CODE, type Logger, type TlsOptions } from '@micro/core';
import { authError, fullJitterMs, loadCertificates, reasonOf, within } from '@micro/core/plugin';
import { fetchText } from './fetch-text.ts';
import { type KeySet, readKeySet } from './key-set.ts';
import type { KeySource } from './key-source.ts';

/** Where keys are fetched from, and how long they count. Every number: 0 is off. */
export interface RemoteKeysOptions {
  readonly url: URL;
  readonly tls: TlsOptions;
  readonly refreshMs: number;
  readonly staleMs: number;
  readonly cooldownMs: number;
  readonly timeoutMs: number;
  readonly logger: Logger | undefined;
}

/** Of what everybody may publish a key takes some 500 bytes. */
const MOST_BYTES = 1_048_576;
const FIRST_PAUSE_MS = 500;
/** One small request in so long hurts nobody, and it is how long callers are refused when the keys are back. */
const LONGEST_PAUSE_MS = 5_000;

/**
 * Keys that are fetched when the first token is checked, and again, in the background, between half and the whole of
 * `refreshMs` later. When they are older than that because nobody asked, whoever asks next waits for new ones, so that a key
 * that was taken away is accepted for `refreshMs` at most. While they cannot be fetched, the old ones count for `staleMs`, and
 * it is tried again after pauses that grow up to 5 s.
 */
export function remoteKeys(options: RemoteKeysOptions): KeySource {
  const { url, tls, refreshMs, staleMs, cooldownMs, timeoutMs, logger } = options;
  const certificates = loadCertificates(tls);
  const what = `the keys from ${shownUrl(url)}`;
  let keys: KeySet | undefined;
  let text: string | undefined;
  let fetching: Promise<KeySet> | undefined;
  /** All on the monotonic clock. The keys are as old as the request for them. */
  let fetchedAt = 0;
  let refreshAt = 0;
  let endedAt = Number.NEGATIVE_INFINITY;
  let retryAt = 0;
  let failures = 0;
  let failure: Error | undefined;

  const get = async (): Promise<KeySet> => {
    const at = performance.now();
    try {
      const answer = await within(timeoutMs, `getting ${what}`, (signal) =>
        fetchText(url, {
          tls: url.protocol === 'https:' ? certificates.current() : {},
          serverName: tls.serverName,
          insecure: tls.insecure === true,
          signal,
          maxBytes: MOST_BYTES,
        }),
      );
      // The same text is the same set, so that what was checked with it need not be checked again.
      if (keys === undefined || answer !== text) {
        keys = readKeySet(answer, 'the answer');
        text = answer;
        for (const reason of keys.skipped) logger?.log('warn', `${shownUrl(url)}: ${reason}; it is not used`);
      }
      fetchedAt = at;
      refreshAt = refreshMs === 0 ? Number.POSITIVE_INFINITY : at + refreshMs * (0.5 + Math.random() / 4);
      if (failures > 0) logger?.log('info', `${what} are there again`);
      failures = 0;
      failure = undefined;
      return keys;
    } catch (cause) {
      const reason = reasonOf(cause);
      if (failures === 0) logger?.log('warn', `cannot get ${what}: ${reason}`);
      failure = authError(CODE.unavailable, `cannot get ${what}: ${reason}`, cause);
      const pause = fullJitterMs(FIRST_PAUSE_MS, LONGEST_PAUSE_MS, failures);
      failures++;
      retryAt = performance.now() + FIRST_PAUSE_MS / 2 + pause;
      throw failure;
    } finally {
      endedAt = performance.now();
      fetching = undefined;
    }
  };

  const start = (): Promise<KeySet> => {
    if (fetching === undefined) {
      fetching = get();
      // Whoever waits for it hears of it.
      fetching.catch(() => {});
    }
    return fetching;
  };

  return {
    read() {
      const now = performance.now();
      if (keys !== undefined && now < refreshAt) return keys;
      const isStale = keys === undefined || (staleMs > 0 && now - fetchedAt >= staleMs);
      if (keys !== undefined && !isStale) {
        const old = keys;
        if (fetching === undefined && now < retryAt) return old;
        const next = start();
        // Nobody waits before their time, nor when they could not be fetched the last time.
        return now - fetchedAt < refreshMs || failures > 0 ? old : next.catch(() => old);
      }
      if (fetching === undefined && failure !== undefined && now < retryAt) throw failure;
      return start();
    },
    lookAgain() {
      const now = performance.now();
      const isCooling = cooldownMs > 0 && now - endedAt < cooldownMs;
      if (keys !== undefined && fetching === undefined && (isCooling || now < retryAt)) return keys;
      const old = keys;
      const next = start();
      return old === undefined ? next : next.catch(() => old);
    },
  };
}

/** A URL without what may be secret in it. */
function shownUrl({ protocol, host, pathname }: URL): string {
  return `${protocol}//${host}${pathname}`;
}
