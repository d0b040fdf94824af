import { type LoadOrder, type LoadResult, runLoad } from './load.ts';
import { peerNamed } from './peers.ts';

/** What the bench tells a child process. */
export type ToWorker =
  | { readonly type: 'serve'; readonly peer: string }
  | { readonly type: 'load'; readonly peer: string; readonly address: string; readonly order: LoadOrder }
  | { readonly type: 'close' };

/** What a child process answers. */
export type FromWorker =
  | { readonly type: 'serving'; readonly address: string }
  | { readonly type: 'loaded'; readonly result: LoadResult }
  | { readonly type: 'failed'; readonly message: string };

/** How long a peer may take to close before its process ends all the same, in milliseconds. */
const CLOSE_MS = 2_000;

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
      const peer = await peerNamed(message.peer).load();
      const served = await peer.serve();
      close = served.close;
      return tell({ type: 'serving', address: served.address });
    }
    case 'load': {
      const peer = await peerNamed(message.peer).load();
      const caller = await peer.connect(message.address);
      close = caller.close;
      return tell({ type: 'loaded', result: await runLoad(caller, message.order) });
    }
    case 'close':
      setTimeout(() => process.exit(0), CLOSE_MS);
      await close();
      return process.exit(0);
  }
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
