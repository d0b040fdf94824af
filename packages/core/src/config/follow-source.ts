import type { ConfigObject, ConfigSource } from '../contract/config.ts';
import type { Logger } from '../contract/logger.ts';
import { CODE } from '../error/code.ts';
import { MicroError } from '../error/micro-error.ts';
import { reasonOf } from '../util/reason.ts';
import { pause } from '../util/timer.ts';
import { within } from '../util/within.ts';
import { configError } from './config-error.ts';
import { toObject } from './tree.ts';
import { unlessAborted } from './waiting.ts';

const FIRST_RETRY_MS = 100;
/** How long the end of a watch may take when the config is closed. */
const RETURN_MS = 1_000;

/** What following a source takes. */
export interface FollowOptions {
  readonly logger: Logger | undefined;
  /** The longest pause before a source that failed is read again. */
  readonly retryMs: number;
  readonly readTimeoutMs: number;
  /** Called with each tree that the source yields; the values that were there stay when it throws. */
  readonly accept: (values: ConfigObject) => void;
  readonly signal: AbortSignal;
}

/** What a source says now, as a tree. Throws what the source threw, as a `MicroError` that names it; 408 when it hangs. */
export async function readSource(
  source: ConfigSource,
  { readTimeoutMs, signal }: Pick<FollowOptions, 'readTimeoutMs' | 'signal'>,
): Promise<ConfigObject> {
  const what = `the config source ${source.name}`;
  try {
    const values = await within(readTimeoutMs, `reading ${what}`, (timeout) =>
      source.read({ signal: AbortSignal.any([timeout, signal]) }),
    );
    return toObject(values, what);
  } catch (cause) {
    if (cause instanceof MicroError) throw cause;
    throw configError(CODE.unavailable, `${what} cannot be read: ${reasonOf(cause)}`, cause);
  }
}

/**
 * Takes what a source yields until the signal aborts. When its watch fails or ends, the values that were there stay, that
 * is said once, and the source is read now and then until it answers, and watched again. Never throws.
 */
export async function followSource(source: ConfigSource, options: FollowOptions): Promise<void> {
  const { logger, retryMs, accept, signal } = options;
  let complaint: string | undefined;
  let delayMs = FIRST_RETRY_MS;

  const complain = (error: unknown): void => {
    const { code, detail } = MicroError.from(error);
    if (signal.aborted || detail === complaint) return;
    complaint = detail;
    logger?.log('warn', `the config keeps its values of the source ${source.name}: ${detail}`, { code });
  };

  const take = (values: ConfigObject): void => {
    try {
      accept(toObject(values, `the config source ${source.name}`));
    } catch (error) {
      complain(error);
      return;
    }
    delayMs = FIRST_RETRY_MS;
    if (complaint !== undefined) logger?.log('info', `the config follows the source ${source.name} again`);
    complaint = undefined;
  };

  const watchOnce = async (): Promise<void> => {
    const values = source.watch?.({ signal });
    if (values === undefined) return;
    const iterator = values[Symbol.asyncIterator]();
    try {
      for (;;) {
        const result = await unlessAborted(iterator.next(), signal);
        if (result === undefined) return;
        if (result.done === true) throw configError(CODE.unavailable, 'its watch ended');
        take(result.value);
      }
    } finally {
      const returned = iterator.return?.().catch(() => undefined);
      await Promise.race([returned, pause(RETURN_MS)]);
    }
  };

  /** Whether the source answers. */
  const readOnce = async (): Promise<boolean> => {
    try {
      const values = await unlessAborted(readSource(source, options), signal);
      if (values !== undefined) accept(values);
      return true;
    } catch (error) {
      complain(error);
      return false;
    }
  };

  while (!signal.aborted) {
    await watchOnce().catch(complain);
    do {
      await pause(delayMs, signal);
      delayMs = Math.min(delayMs * 2, Math.max(retryMs, FIRST_RETRY_MS));
    } while (!signal.aborted && !(await readOnce()));
  }
}
