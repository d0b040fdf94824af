import { connect, createServer, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { type Arrivals, createArrivals, type Latencies, type Receipt } from './arrivals.ts';
import type { EventBody } from './event.ts';

/** What the publisher's half knows of what the subscriber's has received. */
export interface Receipts {
  /** How many messages have been received, as far as is known. */
  readonly received: number;
  /** Resolves when more is known. */
  more(): Promise<void>;
  /** Resolves when the first `total` messages have been received: how long those took that were received since the last call. */
  upTo(total: number): Promise<Latencies>;
  close(): void;
}

/** Where the subscriber's half counts, and gives receipts to one publisher. */
export interface ReceiptGiver {
  readonly address: string;
  take(body: EventBody): void;
  close(): Promise<void>;
}

/** Receipts between the two halves in one process. */
export function localReceipts(inFlight: number): { readonly arrivals: Arrivals; readonly receipts: Receipts } {
  const book = createBook();
  const arrivals = createArrivals(inFlight, book.enter);
  return { arrivals, receipts: book.receipts(arrivals.upTo, () => {}) };
}

/** Counts, and listens on a free port of 127.0.0.1 for the publisher that wants receipts. */
export async function giveReceipts(inFlight: number): Promise<ReceiptGiver> {
  let publisher: Socket | undefined;
  const arrivals = createArrivals(inFlight, (receipt) => publisher?.write(`${JSON.stringify(receipt)}\n`));
  const server = createServer({ noDelay: true }, (socket) => {
    publisher = socket;
    socket.on('error', () => socket.destroy());
    createInterface({ input: socket }).on('line', (line) => arrivals.upTo(Number(line)));
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  const bound = server.address();
  if (bound === null || typeof bound === 'string') throw new Error('the receipts have no port');
  return {
    address: String(bound.port),
    take: arrivals.take,
    close: () => {
      publisher?.destroy();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

/** Connects to who gives receipts. */
export async function fetchReceipts(address: string): Promise<Receipts> {
  const socket = connect({ host: '127.0.0.1', port: Number(address), noDelay: true });
  await new Promise<void>((resolve, reject) => {
    socket.once('connect', resolve);
    socket.once('error', reject);
  });
  socket.on('error', () => socket.destroy());
  const book = createBook();
  createInterface({ input: socket }).on('line', (line) => book.enter(JSON.parse(line) as Receipt));
  return book.receipts(
    (total) => socket.write(`${total}\n`),
    () => socket.destroy(),
  );
}

interface Book {
  enter(receipt: Receipt): void;
  receipts(ask: (total: number) => void, close: () => void): Receipts;
}

function createBook(): Book {
  let received = 0;
  let tellMore = () => {};
  let tellLatencies = (_: Latencies) => {};
  return {
    enter(receipt) {
      received = receipt.received;
      if (receipt.latencies !== undefined) tellLatencies(receipt.latencies);
      tellMore();
    },
    receipts: (ask, close) => ({
      get received() {
        return received;
      },
      more: () =>
        new Promise((resolve) => {
          tellMore = resolve;
        }),
      upTo: (total) =>
        new Promise((resolve) => {
          tellLatencies = resolve;
          ask(total);
        }),
      close,
    }),
  };
}
