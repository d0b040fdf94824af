import type { Exchange } from './exchange.ts';

const FEWEST_SLOTS = 256;
const MOST_SLOTS = 16_384;

/**
 * The open exchanges of a connection by id. Ids grow by one, so the newest ones fit into a ring of slots; one whose slot is
 * held by a stream that has been open for long waits in a map. A map alone would do, but the tables that a `Map` leaves
 * behind as entries come and go refer to each other, get old together, and keep dead exchanges alive with them: that was
 * half of the memory of a busy client.
 */
export class ExchangeTable {
  #slots: (Exchange | undefined)[] = new Array(FEWEST_SLOTS).fill(undefined);
  #displaced: Map<number, Exchange> | undefined;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  get(id: number): Exchange | undefined {
    const exchange = this.#slots[id & (this.#slots.length - 1)];
    return exchange?.id === id ? exchange : this.#displaced?.get(id);
  }

  add(exchange: Exchange): void {
    if (this.#size * 2 >= this.#slots.length && this.#slots.length < MOST_SLOTS) this.#grow();
    this.#size += 1;
    this.#place(exchange);
  }

  delete(exchange: Exchange): void {
    const slot = exchange.id & (this.#slots.length - 1);
    if (this.#slots[slot] === exchange) this.#slots[slot] = undefined;
    else if (this.#displaced?.delete(exchange.id) !== true) return;
    this.#size -= 1;
  }

  /** All that are open, as a list of its own: going through it may end them. */
  list(): Exchange[] {
    const all = this.#displaced === undefined ? [] : [...this.#displaced.values()];
    for (const exchange of this.#slots) if (exchange !== undefined) all.push(exchange);
    return all;
  }

  #place(exchange: Exchange): void {
    const slot = exchange.id & (this.#slots.length - 1);
    if (this.#slots[slot] === undefined) {
      this.#slots[slot] = exchange;
      return;
    }
    this.#displaced ??= new Map();
    this.#displaced.set(exchange.id, exchange);
  }

  #grow(): void {
    const all = this.list();
    this.#slots = new Array(this.#slots.length * 2).fill(undefined);
    this.#displaced = undefined;
    for (const exchange of all) this.#place(exchange);
  }
}
