import type { MicroError } from '@micro/core';
import { createDeadlineTimer, fullJitterMs, now, onAbort, pause, steadyLogger } from '@micro/core/plugin';
import { callErrors } from './call-errors.ts';
import { isCluster, type RedisClient } from './client-types.ts';
import { mastersOf, streamsOf } from './cluster-nodes.ts';
import { type ConnectionWatch, watchConnection } from './connection-watch.ts';
import { corker } from './cork.ts';
import { endClient } from './end-client.ts';
import type { LinkOwner, RedisCall, RedisLink } from './link-types.ts';
import { openClient } from './open-client.ts';
import { errorsOf, isPassing } from './redis-error.ts';
import { checkClient, durationOf, numberOf, type RedisOptions, settingsOf, timeoutOf } from './redis-options.ts';
import { serverName } from './server-name.ts';
import { turnsOf } from './turns.ts';

const DEFAULT_MAX_PENDING_BYTES = 64 * 1024 * 1024;
/** About what a call takes beside its key and value. */
const CALL_BYTES = 256;
/** What was answered with "not now" is sent again after so long, and up to as much more. */
const AGAIN_MS = 100;
/** What is under way is waited for when the link is closed, but not longer. */
const CLOSE_MS = 2_000;

/** A call that has no outcome yet. */
interface Pending {
  readonly number: number;
  readonly call: RedisCall<unknown>;
  readonly begun: number;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: MicroError) => void;
  detach: (() => void) | undefined;
  isUnderWay: boolean;
  isDone: boolean;
}

/** Makes a link, which connects with the first call. Throws 400 for options that make no sense. */
export function redisLink(options: RedisOptions, owner: LinkOwner): RedisLink {
  const errorOf = errorsOf(owner.id);
  const timeoutMs = timeoutOf(options, errorOf);
  const patienceMs = durationOf('patienceMs', options.patienceMs, owner.patienceMs, errorOf);
  const maxPendingBytes =
    numberOf('maxPendingBytes', options.maxPendingBytes, DEFAULT_MAX_PENDING_BYTES, errorOf) ||
    Number.POSITIVE_INFINITY;
  if (options.client !== undefined) checkClient(options.client, options, errorOf);
  const settings = options.client === undefined ? settingsOf(options, errorOf) : undefined;
  const client: RedisClient = settings === undefined ? (options.client as RedisClient) : openClient(settings);
  const name = serverName(settings?.target, client);

  /** The oldest first, which is the one whose time is up first. */
  const live = new Set<Pending>();
  /** Those of them that cannot be sent now. */
  const waiting = new Set<Pending>();
  const turns = turnsOf<Pending>(({ call }) => call.turn);
  let watch: ConnectionWatch | undefined;
  let isOpen = false;
  let hasPatience = true;
  let patience: NodeJS.Timeout | undefined;
  let retry: NodeJS.Timeout | undefined;
  let pendingBytes = 0;
  let underWay = 0;
  let calls = 0;
  let idle: (() => void) | undefined;
  let closing: Promise<void> | undefined;

  const cork = corker(() => streamsOf(client));
  const canSend = (): boolean => isOpen && client.status === 'ready';
  /** A client of somebody else's that was closed; nobody but its owner can open it again. */
  const isGone = (): boolean => settings === undefined && client.status === 'end';

  const release = (pending: Pending): void => {
    const { call, isDone, isUnderWay } = pending;
    // What was given up may still be in the hands of the client, which keeps it, and may do it yet.
    if (!isDone || isUnderWay) return;
    pendingBytes -= call.bytes + CALL_BYTES;
    const next = turns.leave(pending);
    // Later, not at once: a long line of calls that fail would be a deep stack.
    if (next !== undefined) queueMicrotask(() => dispatch(next));
  };
  const end = (pending: Pending): boolean => {
    if (pending.isDone) return false;
    pending.isDone = true;
    live.delete(pending);
    waiting.delete(pending);
    pending.detach?.();
    release(pending);
    return true;
  };
  const fail = (pending: Pending, error: MicroError): void => {
    if (end(pending)) pending.reject(error);
  };
  const failWaiting = (errorFor: (pending: Pending) => MicroError): void => {
    for (const pending of [...waiting]) fail(pending, errorFor(pending));
  };

  const errors = callErrors(client, owner, { name, watch: () => watch });
  const unreachable = ({ call }: Pending, cause?: unknown): MicroError =>
    errors.unreachable(call, cause ?? (isOpen ? 'calls before it have not ended' : 'no connection yet'));

  const timer = createDeadlineTimer((time) => {
    for (const pending of live) {
      const deadline = pending.begun + timeoutMs;
      if (deadline > time) return deadline;
      // Some wait for a server that is gone, others for one that is silent.
      fail(pending, pending.isUnderWay ? errors.late(pending.call, timeoutMs) : unreachable(pending));
    }
    return Number.POSITIVE_INFINITY;
  });

  const drain = (): void => {
    clearTimeout(retry);
    retry = undefined;
    if (!canSend()) return;
    const those = [...waiting].sort((a, b) => a.number - b.number);
    waiting.clear();
    for (const pending of those) send(pending);
  };

  const wait = (pending: Pending): void => {
    const refusal = watch?.refusal();
    if (refusal !== undefined) fail(pending, errors.refused(pending.call, refusal));
    else if (!hasPatience || isGone()) fail(pending, unreachable(pending));
    else waiting.add(pending);
  };

  const dispatch = (pending: Pending): void => {
    if (pending.isDone) return;
    if (waiting.size === 0 && canSend()) send(pending);
    else wait(pending);
  };

  /** Sends a call again which failed for no fault of its own. */
  const again = (pending: Pending, cause: unknown): void => {
    const pauseMs = AGAIN_MS + fullJitterMs(AGAIN_MS, AGAIN_MS, 0);
    if (pending.call.once === true || closing !== undefined || now() >= pending.begun + patienceMs) {
      fail(pending, unreachable(pending, cause));
    } else if (!canSend()) {
      wait(pending);
    } else if (isCluster(client)) {
      // The other nodes are at work meanwhile.
      setTimeout(() => dispatch(pending), pauseMs);
    } else {
      // All that comes later waits behind it, so that writes keep their order.
      waiting.add(pending);
      retry ??= setTimeout(drain, pauseMs);
    }
  };

  const send = (pending: Pending): void => {
    const { call } = pending;
    const landed = (): void => {
      pending.isUnderWay = false;
      underWay -= 1;
      release(pending);
      if (underWay === 0) idle?.();
    };
    pending.isUnderWay = true;
    underWay += 1;
    cork();
    attempt(call, client).then(
      (value) => {
        landed();
        if (end(pending)) pending.resolve(value);
      },
      (cause: unknown) => {
        landed();
        if (pending.isDone) return;
        if (isPassing(cause)) again(pending, cause);
        else fail(pending, errors.answered(call, cause));
      },
    );
  };

  const connect = (): void => {
    if (closing !== undefined) return;
    // What comes of it is told by events.
    client.connect().catch(() => {});
  };

  const begin = (): void => {
    watch = watchConnection(client, {
      name,
      logger: steadyLogger(options.logger),
      ready() {
        clearTimeout(patience);
        hasPatience = true;
        isOpen = true;
        drain();
      },
      lost() {
        isOpen = false;
        hasPatience = patienceMs > 0;
        const giveUp = (): void => {
          hasPatience = false;
          failWaiting(unreachable);
        };
        if (hasPatience) patience = setTimeout(giveUp, patienceMs);
        else giveUp();
      },
      refused(refusal) {
        isOpen = false;
        failWaiting(({ call }) => errors.refused(call, refusal));
      },
      ended() {
        if (isGone()) failWaiting(unreachable);
        // A client of our own ends only when an attempt could not even begin, as with half a certificate.
        if (settings !== undefined) setTimeout(connect, AGAIN_MS);
      },
    });
    isOpen = client.status === 'ready';
    if (client.status === 'wait') connect();
  };

  const run = <T>(call: RedisCall<T>): Promise<T> => {
    const { signal, bytes } = call;
    if (closing !== undefined) return Promise.reject(errors.closed());
    if (signal?.aborted === true) return Promise.reject(errors.cancelled(call, signal.reason));
    // One alone may be as large as it likes: its size is somebody else's business.
    if (pendingBytes > 0 && pendingBytes + bytes + CALL_BYTES > maxPendingBytes) {
      return Promise.reject(errors.tooMuch(call, pendingBytes, maxPendingBytes));
    }
    if (watch === undefined) begin();
    return new Promise<unknown>((resolve, reject) => {
      const begun = now();
      const pending: Pending = {
        number: calls++,
        call,
        begun,
        resolve,
        reject,
        detach: undefined,
        isUnderWay: false,
        isDone: false,
      };
      if (signal !== undefined) {
        const cancel = (): void => fail(pending, errors.cancelled(call, signal.reason));
        pending.detach = onAbort(signal, cancel);
      }
      pendingBytes += bytes + CALL_BYTES;
      live.add(pending);
      if (timeoutMs > 0) timer.watch(begun + timeoutMs);
      if (turns.enter(pending)) dispatch(pending);
    }) as Promise<T>;
  };

  return {
    isCluster: isCluster(client),
    get isClosed() {
      return closing !== undefined;
    },

    cancelled: errors.cancelled,
    call: run,

    async masters(signal) {
      const begun = now();
      while (true) {
        const { masters, missing } = await run({
          verb: 'asking for the nodes',
          bytes: 0,
          run: async () => mastersOf(client),
          signal,
        });
        if (missing === undefined) return masters;
        if (now() >= begun + patienceMs) throw errors.missing(missing);
        await pause(AGAIN_MS, signal);
      }
    },

    close() {
      closing ??= (async () => {
        failWaiting(errors.closed);
        if (underWay > 0 && client.status === 'ready') {
          let late: NodeJS.Timeout | undefined;
          await new Promise<void>((resolve) => {
            idle = resolve;
            late = setTimeout(resolve, timeoutMs === 0 ? CLOSE_MS : Math.min(timeoutMs, CLOSE_MS));
          });
          clearTimeout(late);
        }
        for (const pending of [...live]) fail(pending, errors.closed());
        timer.close();
        clearTimeout(patience);
        clearTimeout(retry);
        watch?.close();
        if (settings !== undefined) endClient(client);
      })();
      return closing;
    },
  };
}

/** What throws at once fails like what throws later. */
async function attempt<T>(call: RedisCall<T>, client: RedisClient): Promise<T> {
  return call.run(client);
}
