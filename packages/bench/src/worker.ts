import type { EventBody } from './event.ts';
import { connectHalf, serveHalf } from './halves.ts';
import { type LoadOrder, type LoadResult, runLoad } from './load.ts';
import { loadEventPeer } from './peers.ts';
import { type PublishOrder, runPublish } from './publish.ts';
import { fetchReceipts, giveReceipts, localReceipts, type Receipts } from './receipts.ts';
import type { LoadWork } from './work.ts';

/** What the bench tells a child process. */
export type ToWorker =
  | { readonly type: 'serve'; readonly peer: string; readonly work: LoadWork }
  | { readonly type: 'load'; readonly peer: string; readonly address: string; readonly order: LoadOrder }
  | { readonly type: 'subscribe'; readonly peer: string; readonly inFlight: number }
  /** Without an address the subscriber is to be in the same process. */
  | { readonly type: 'publish'; readonly peer: string; readonly address?: string; readonly order: PublishOrder }
  | { readonly type: 'close' };

/** What a child process answers. */
export type FromWorker =
  /** `pids` are those of other processes that take part. */
  | { readonly type: 'serving'; readonly address: string; readonly pids: readonly number[] }
  | { readonly type: 'loaded'; readonly result: LoadResult }
  | { readonly type: 'failed'; readonly message: string };

/** How long a peer may take to close before its process ends all the same, in milliseconds. */
const CLOSE_MS = 10_000;

let close: () => Promise<void> = async () => {};

/** Answers the bench. When it is gone there is nobody to answer, and nothing left to do. */
function tell(message: FromWorker, then: () => void = () => {}): void {
  if (!process.connected || process.send === undefined) process.exit(1);
  process.send(message, undefined, undefined, (error) => {
    if (error !== null) process.exit(1);
    then();
  });
}

async function obey(message: ToWorker): Promise<void> {
  switch (message.type) {
    case 'serve': {
      const served = await serveHalf(message.peer, message.work);
      close = served.close;
      return tell({ type: 'serving', address: served.address, pids: served.pids ?? [] });
    }
    case 'load': {
      const caller = await connectHalf(message.peer, message.order.work, message.address);
      close = caller.close;
      return tell({ type: 'loaded', result: await runLoad(caller, message.order) });
    }
    case 'subscribe': {
      const receipts = await giveReceipts(message.inFlight);
      const peer = await loadEventPeer(message.peer);
      const served = await peer.subscribe(orFail(receipts.take));
      close = async () => {
        await served.close();
        await receipts.close();
      };
      const address = JSON.stringify([served.address, receipts.address]);
      return tell({ type: 'serving', address, pids: served.pids ?? [] });
    }
    case 'publish':
      return tell({ type: 'loaded', result: await publish(message) });
    case 'close':
      setTimeout(() => process.exit(0), CLOSE_MS);
      await close();
      return process.exit(0);
  }
}

async function publish({ peer: name, address, order }: Extract<ToWorker, { type: 'publish' }>): Promise<LoadResult> {
  const peer = await loadEventPeer(name);
  let at: string;
  let receipts: Receipts;
  if (address === undefined) {
    const local = localReceipts(order.inFlight);
    const served = await peer.subscribe(orFail(local.arrivals.take));
    close = served.close;
    at = served.address;
    receipts = local.receipts;
  } else {
    const [events, receiptsAt]: [string, string] = JSON.parse(address);
    at = events;
    receipts = await fetchReceipts(receiptsAt);
  }
  return runPublish(await peer.connect(at), receipts, order);
}

/** What a handler throws is the peer's to deal with, and some bring the message again; a fault has to end the bench. */
function orFail(take: (body: EventBody) => void): (body: EventBody) => void {
  return (body) => {
    try {
      take(body);
    } catch (error) {
      fail(error);
    }
  };
}

/** Says what went wrong and ends: a half that failed is of no use to the other. */
function fail(error: unknown): void {
  const message = error instanceof Error ? (error.stack ?? error.message) : String(error);
  tell({ type: 'failed', message }, () => process.exit(1));
}

process.on('uncaughtException', fail);
process.on('unhandledRejection', fail);
// The channel closes when the bench ends, however it ended; nothing may outlive it.
process.on('disconnect', () => process.exit(1));
process.on('message', (message: ToWorker) => void obey(message).catch(fail));
if (!process.connected) process.exit(1);
