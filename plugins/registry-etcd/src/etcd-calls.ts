import { CODE } from '@micro/core';
import type { ConnectionLog } from '@micro/core/plugin';
import { abortError, registryError, within } from '@micro/core/plugin';
import type { IKeyValue, ILeaseKeepAliveResponse, ITxnRequest, ITxnResponse } from 'etcd3';
import type { EtcdClients } from './etcd-clients.ts';
import { errorOf, isHistoryLost, isTooLarge, isUnreachable, statusOf } from './etcd-status.ts';
import type { KeyRange } from './record-keys.ts';

/** What one question, of one or more calls, has to keep to. */
export interface Asking {
  /** When all of its calls have to be over, in milliseconds since the epoch. */
  readonly deadline: number;
  /** What comes of it was not confirmed by a majority, so it does not say that etcd is reached. */
  doubt(error: unknown): void;
}

/** How a range is read. */
export interface ReadOptions {
  /** As it was then. Default: as it is. */
  readonly revision?: number | undefined;
  readonly keysOnly?: boolean | undefined;
  /** From what one member knows, also when it has lost the others. Default: from what a majority knows. */
  readonly serializable?: boolean | undefined;
}

/** The keys of a range, sorted. */
export interface Listing {
  readonly entries: readonly IKeyValue[];
  /** Of which moment this is. */
  readonly revision: number;
}

/** The questions that a registry asks. Each one ends within its deadline. */
export interface EtcdCalls {
  /**
   * Runs a question within the deadline of the registry and the caller's signal. What goes wrong becomes a `MicroError`
   * that says what was done (`looking up greeter in`) and with which servers.
   */
  ask<T>(what: string, signal: AbortSignal | undefined, run: (asking: Asking) => Promise<T>): Promise<T>;
  read(range: KeyRange, asking: Asking, options?: ReadOptions): Promise<Listing>;
  /** Reads from a majority, or from any member that answers while there is none. */
  readSomehow(range: KeyRange, asking: Asking): Promise<Listing>;
  transact(request: ITxnRequest, asking: Asking): Promise<ITxnResponse>;
  remove(key: Buffer, asking: Asking): Promise<void>;
  /** Makes a lease of so many seconds and returns its id. */
  grant(seconds: number, asking: Asking): Promise<string>;
  /** Renews a lease for its whole time. False: there is no such lease. */
  keepAlive(lease: string, asking: Asking): Promise<boolean>;
  /** Ends a lease, and with it the keys that hang on it. One that has ended is no error. */
  revoke(lease: string, asking: Asking): Promise<void>;
}

/** What the questions are asked with. */
export interface EtcdCallsOptions {
  readonly clients: EtcdClients;
  /** Such as `etcd at 127.0.0.1:2379`. */
  readonly where: string;
  /** `Infinity` is no deadline. */
  readonly timeoutMs: number;
  readonly connection: ConnectionLog;
  /** Aborts when the registry is closed, with the error that all who wait get. */
  readonly closing: AbortSignal;
}

const ID = 'go.micro.registry';
/** How many keys are asked for at a time: one answer may not be too large for a client. */
const PAGE = 512;
/** No registry is that large; it is somebody else's keys. */
const MAX_KEYS = 200_000;
/** The part of the time that a majority has to answer, before a single member is asked. */
const FRESH_SHARE = 0.6;
/** How often a lease is tried to be kept with another server. */
const KEEP_ALIVE_TRIES = 3;
const LONGEST_TRY_MS = 5_000;

/** Asks etcd, with deadlines and in the words of the registry. */
export function etcdCalls({ clients, where, timeoutMs, connection, closing }: EtcdCallsOptions): EtcdCalls {
  const { kv, leaseClient } = clients;
  const limitMs = Number.isFinite(timeoutMs) ? timeoutMs : 0;

  const readOnce = async (
    { key, rangeEnd }: KeyRange,
    { deadline }: Asking,
    { revision: then, keysOnly = false, serializable = false }: ReadOptions,
  ): Promise<Listing> => {
    const entries: IKeyValue[] = [];
    let revision = then;
    let limit = PAGE;
    let from = key;
    for (;;) {
      const request = { key: from, range_end: rangeEnd, limit, keys_only: keysOnly, serializable };
      let page: Awaited<ReturnType<typeof kv.range>>;
      try {
        page = await kv.range(revision === undefined ? request : { ...request, revision }, callOptions(deadline));
      } catch (error) {
        if (limit === 1 || !isTooLarge(statusOf(error))) throw error;
        limit = Math.ceil(limit / 8);
        continue;
      }
      // All pages are of one moment.
      revision ??= Number(page.header.revision);
      entries.push(...page.kvs);
      const last = page.kvs.at(-1);
      if (!page.more || last === undefined) return { entries, revision };
      if (entries.length >= MAX_KEYS) {
        throw registryError(CODE.tooLarge, `${where} has more than ${MAX_KEYS} keys below ${key}; is that a registry?`);
      }
      from = Buffer.concat([last.key, Buffer.of(0)]);
    }
  };

  const read = async (range: KeyRange, asking: Asking, options: ReadOptions = {}): Promise<Listing> => {
    try {
      return await readOnce(range, asking, options);
    } catch (error) {
      // The moment of the first page was compacted before the last one was read.
      if (options.revision !== undefined || !isHistoryLost(statusOf(error))) throw error;
      return readOnce(range, asking, options);
    }
  };

  const keepAliveOnce = async (lease: string, deadline: number): Promise<boolean> => {
    const stream = await leaseClient.leaseKeepAlive(callOptions(deadline));
    try {
      const response = await new Promise<ILeaseKeepAliveResponse>((resolve, reject) => {
        stream.on('data', resolve);
        stream.on('error', reject);
        stream.on('end', () => reject(new Error('14 UNAVAILABLE: the stream ended without an answer')));
        stream.write({ ID: lease });
      });
      return Number(response.TTL) > 0;
    } finally {
      stream.cancel();
    }
  };

  return {
    async ask(what, signal, run) {
      const text = `${what} ${where}`;
      refuseAborted(text, signal);
      let confirmed = true;
      const asking: Asking = {
        deadline: Date.now() + timeoutMs,
        doubt(error) {
          confirmed = false;
          connection.missed(errorOf(text, error));
        },
      };
      try {
        // Two ends that are not ours: that of the caller, and that of the registry.
        const result = await within(0, text, () => within(limitMs, text, () => run(asking), signal), closing);
        if (confirmed) connection.reached();
        return result;
      } catch (error) {
        refuseAborted(text, signal);
        closing.throwIfAborted();
        const failure = errorOf(text, error);
        if (failure.code === CODE.timeout || failure.code === CODE.unavailable) connection.missed(failure);
        throw failure;
      }
    },

    read,

    async readSomehow(range, asking) {
      const fresh = Date.now() + (asking.deadline - Date.now()) * FRESH_SHARE;
      try {
        return await read(range, { ...asking, deadline: fresh });
      } catch (error) {
        if (!isUnreachable(statusOf(error))) throw error;
        asking.doubt(error);
        return read(range, asking, { serializable: true });
      }
    },

    transact: (request, { deadline }) => kv.txn(request, callOptions(deadline)),

    async remove(key, { deadline }) {
      await kv.deleteRange({ key }, callOptions(deadline));
    },

    async grant(seconds, { deadline }) {
      const { ID: lease } = await leaseClient.leaseGrant({ TTL: seconds }, callOptions(deadline));
      return lease;
    },

    async keepAlive(lease, { deadline }) {
      for (let tries = 1; ; tries++) {
        try {
          return await keepAliveOnce(lease, shareOf(deadline, KEEP_ALIVE_TRIES - tries + 1));
        } catch (error) {
          if (tries === KEEP_ALIVE_TRIES || Date.now() >= deadline || !isUnreachable(statusOf(error))) throw error;
        }
      }
    },

    async revoke(lease, { deadline }) {
      try {
        await leaseClient.leaseRevoke({ ID: lease }, callOptions(deadline));
      } catch (error) {
        if (!statusOf(error).details.includes('requested lease not found')) throw error;
      }
    },
  };
}

function refuseAborted(what: string, signal: AbortSignal | undefined): void {
  if (signal?.aborted === true) throw abortError(ID, what, signal.reason);
}

function callOptions(deadline: number): { readonly deadline?: number } {
  return Number.isFinite(deadline) ? { deadline } : {};
}

/** The part of the time that is left for one of so many tries. */
function shareOf(deadline: number, tries: number): number {
  const now = Date.now();
  return Math.min(deadline, now + Math.min((deadline - now) / tries, LONGEST_TRY_MS));
}
