import { defineService, unary } from '@micro/core';

/** What an order asks for. */
export interface Order {
  /** Made by whoever orders: the same order with the same id is one order, however often it is placed. */
  readonly id: string;
  readonly item: string;
  readonly count: number;
}

/** What was agreed on. */
export interface Receipt extends Order {
  readonly totalCents: number;
}

/** What something costs, and where that was read. */
export interface Price {
  readonly cents: number;
  readonly readFrom: 'cache' | 'store';
}

/** What things cost. */
export const Catalogue = defineService('Catalogue', {
  price: unary<{ readonly item: string }, Price>({ idempotent: true }),
  setPrice: unary<{ readonly item: string; readonly cents: number }, object>({ idempotent: true }),
});

/** The door for customers. An order can be placed again when nobody knows what became of it. */
export const Orders = defineService('Orders', {
  place: unary<Order, Receipt>({ idempotent: true }),
});

/** Packs what was ordered. */
export const Packing = defineService('Packing', {
  packed: unary<object, { readonly ids: readonly string[] }>({ idempotent: true }),
});

/** The event that an order was placed: the message is its receipt. */
export const ORDER_PLACED = 'orders.placed';
