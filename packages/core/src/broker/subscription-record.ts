import type { Logger } from '../contract/logger.ts';
import type { Registry, ServiceRecord } from '../contract/registry.ts';
import { CODE } from '../error/code.ts';
import { MicroError } from '../error/micro-error.ts';
import { reasonOf } from '../util/reason.ts';
import { LONGEST_TIMER_MS } from '../util/timer.ts';
import { within } from '../util/within.ts';
import { fullJitter } from './broker-options.ts';

/** What keeping a subscription in the registry takes. */
export interface SubscriptionRecordOptions {
  readonly registry: Registry;
  readonly logger: Logger | undefined;
  readonly record: ServiceRecord;
  /** How long the record lives without being renewed, in milliseconds; 0 is for ever. */
  readonly ttlMs: number;
  /** How often it is renewed, in milliseconds; 0 is never. */
  readonly intervalMs: number;
}

/** A subscription in the registry. */
export interface SubscriptionRecord {
  /** Takes it out and renews it no more. Never throws; returns within a deadline. */
  close(): Promise<void>;
}

/** No registry is waited for longer than this. */
const CALL_TIMEOUT_MS = 5_000;

/**
 * Puts a subscription into the registry and keeps it there. A registry that cannot be reached is tried again with pauses
 * that grow, and resolves all the same; one that refuses the record (400) makes it throw.
 */
export async function keepRecord(options: SubscriptionRecordOptions): Promise<SubscriptionRecord> {
  const { registry, logger, record, ttlMs, intervalMs } = options;
  const what = `${record.nodes[0]?.id} with the ${registry.name} registry`;
  let failures = 0;
  let timer: NodeJS.Timeout | undefined;
  let isClosed = false;
  let round: Promise<void> = Promise.resolve();

  const register = async (): Promise<void> => {
    await within(CALL_TIMEOUT_MS, `registering ${what}`, (signal) => registry.register(record, { ttlMs, signal }));
    if (failures > 0) logger?.log('info', `the subscription is registered: ${what}`);
    failures = 0;
  };

  const lost = (error: unknown): void => {
    failures += 1;
    if (failures === 1)
      logger?.log('warn', `the subscription is not registered: ${reasonOf(error)}`, { registry: registry.name });
  };

  const arm = (): void => {
    if (isClosed || (intervalMs === 0 && failures === 0)) return;
    // Not all at once: subscriptions that began together would stay together.
    const pause = failures > 0 ? fullJitter(failures) : intervalMs * (0.9 + 0.2 * Math.random());
    timer = setTimeout(
      () => {
        round = register().catch(lost).then(arm);
      },
      Math.min(pause, LONGEST_TIMER_MS),
    );
    timer.unref();
  };

  try {
    await register();
  } catch (error) {
    if (error instanceof MicroError && error.code === CODE.badRequest) throw error;
    lost(error);
  }
  arm();

  return {
    async close() {
      isClosed = true;
      clearTimeout(timer);
      await round;
      try {
        await within(CALL_TIMEOUT_MS, `deregistering ${what}`, (signal) => registry.deregister(record, { signal }));
      } catch (error) {
        logger?.log('warn', `the subscription is left to expire: ${reasonOf(error)}`, { registry: registry.name });
      }
    },
  };
}
