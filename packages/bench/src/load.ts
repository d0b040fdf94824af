import { deadline } from './deadline.ts';
import { createHistogram } from './histogram.ts';
import type { Caller } from './peer.ts';
import { noise, rssMb, type Usage, usage } from './proc.ts';
import { bodies, checkEcho, checkStreamed, type LoadWork, STREAM_MESSAGES } from './work.ts';

/** What share of `calls` is warm-up, and at most how many. */
const WARM_UP_SHARE = 0.1;
const MAX_WARM_UP_CALLS = 10_000;

/** What one client process is asked to do. */
export interface LoadOrder {
  readonly work: LoadWork;
  /** How many calls (or streams) wait for their answer at any time. */
  readonly inFlight: number;
  /** Load before anything is counted, in milliseconds. Not used with `calls`. */
  readonly warmUpMs: number;
  /** How long to count, in milliseconds. Not used with `calls`. */
  readonly measureMs: number;
  /** Exactly so many calls (or messages of streams), the first tenth of them (at most 10,000) uncounted as warm-up. */
  readonly calls?: number;
  /** The load fails when it takes longer than this, in milliseconds. */
  readonly limitMs: number;
  /** The server's process, and those that it started to do the work. */
  readonly serverPids: readonly number[];
}

/** What one load measured. */
export interface LoadResult {
  /** Calls (or messages of streams) per second. */
  readonly rate: number;
  /** From before the call until its promise resolved; of a stream, until it ended. */
  readonly p50Us: number;
  readonly p99Us: number;
  readonly maxUs: number;
  /** User and system time of both processes per 10,000 calls (or messages). */
  readonly cpuSecondsPer10k: number;
  /** Bytes to the server and from it, per call; absent where nobody counts them. */
  readonly wireBytesPerCall?: number;
  /** Right after the load, nothing collected for it. */
  readonly serverRssMb: number;
  readonly clientRssMb: number;
  /** The share of the cores that other processes took meanwhile, 0 to 1. */
  readonly noise: number;
  /** Calls (or messages) that were answered in all, the warm-up and what was still in flight at the end included; events without their warm-up. */
  readonly calls: number;
}

/** Keeps `inFlight` calls going: each is followed by the next one as soon as it is answered. */
export async function runLoad(caller: Caller, order: LoadOrder): Promise<LoadResult> {
  const pids = [...order.serverPids, process.pid];
  const latencies = createHistogram();
  const wanted = order.calls ?? Number.POSITIVE_INFINITY;
  const warmUpCalls = order.calls === undefined ? 0 : Math.min(order.calls * WARM_UP_SHARE, MAX_WARM_UP_CALLS) | 0;
  let issued = 0;
  let done = 0;
  let stopped = false;
  let start: Usage | undefined;
  let startDone = 0;
  let end: Usage | undefined;
  let endDone = 0;
  let failed: unknown;
  /** What the server says it has sent and received, asked at the begin and at the end. */
  const bytes: Promise<number>[] = [];
  const askBytes = () => {
    const asked = caller.wireBytes?.();
    asked?.catch(() => {});
    if (asked !== undefined) bytes.push(asked);
  };

  const begin = () => {
    latencies.clear();
    startDone = done;
    start = usage(pids);
    askBytes();
  };
  const finish = () => {
    if (stopped) return;
    stopped = true;
    end = usage(pids);
    endDone = done;
    askBytes();
  };
  const count = () => {
    done++;
    if (order.calls === undefined) return;
    if (done === warmUpCalls) begin();
    if (done === order.calls) finish();
  };

  const makeBody = bodies(order.work);
  const callUntilStopped = async () => {
    while (!stopped && issued < wanted) {
      issued++;
      const body = makeBody();
      const startedAt = performance.now();
      const reply = await caller.call(body);
      if (!stopped) latencies.add(performance.now() - startedAt);
      checkEcho(reply, body);
      count();
    }
  };
  const streamUntilStopped = async () => {
    while (!stopped && issued < wanted) {
      const messages = Math.min(STREAM_MESSAGES, wanted - issued);
      issued += messages;
      let received = 0;
      const startedAt = performance.now();
      await caller.stream(messages, (message) => {
        checkStreamed(message, received++);
        count();
      });
      if (!stopped || order.calls !== undefined) latencies.add(performance.now() - startedAt);
      if (received !== messages) throw new Error(`a stream of ${messages} messages ended after ${received}`);
    }
  };
  const repeat = order.work === 'stream' ? streamUntilStopped : callUntilStopped;

  const limit = deadline(order.limitMs, () => `the load did not end within ${order.limitMs} ms (${done} calls done)`);
  const timers: NodeJS.Timeout[] = [];
  if (order.calls === undefined) {
    timers.push(setTimeout(begin, order.warmUpMs), setTimeout(finish, order.warmUpMs + order.measureMs));
  } else if (warmUpCalls === 0) {
    begin();
  }
  try {
    const slots = Array.from({ length: order.inFlight }, () =>
      repeat().catch((error: unknown) => {
        failed ??= error;
        stopped = true;
        throw error;
      }),
    );
    await Promise.race([Promise.all(slots), limit.reached]);
  } finally {
    stopped = true;
    limit.cancel();
    for (const timer of timers) clearTimeout(timer);
  }
  if (failed !== undefined) throw failed;
  if (start === undefined || end === undefined) throw new Error('the load ended before it was measured');

  const counted = endDone - startDone;
  const seconds = (end.atMs - start.atMs) / 1_000;
  const [bytesBefore, bytesAfter] = await Promise.all(bytes);
  return {
    rate: counted / seconds,
    p50Us: latencies.percentileUs(0.5),
    p99Us: latencies.percentileUs(0.99),
    maxUs: latencies.percentileUs(1),
    cpuSecondsPer10k: counted === 0 ? 0 : ((end.cpuSeconds - start.cpuSeconds) / counted) * 10_000,
    ...(bytesBefore === undefined || bytesAfter === undefined || counted === 0
      ? {}
      : { wireBytesPerCall: (bytesAfter - bytesBefore) / counted }),
    serverRssMb: order.serverPids.reduce((sum, pid) => sum + rssMb(pid), 0),
    clientRssMb: rssMb(process.pid),
    noise: noise(start, end),
    calls: done,
  };
}
