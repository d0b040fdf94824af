/** What the shop says: to everybody. */
export const NEWS = 'shop.news';

/** An order was placed: one packer packs it. */
export const ORDERS = 'shop.orders';

/** The news of the day. */
export interface News {
  readonly text: string;
}

/** What somebody bought. */
export interface Order {
  readonly number: number;
}
