import type { MessageType } from './definition.ts';

/** Turns values into bytes and back, for the content types it names. */
export interface Codec {
  readonly name: string;
  /** The exact content types it serves. go-micro compares them to the letter, so do we. */
  readonly contentTypes: readonly string[];
  /** Throws a `bad request` error that names what cannot be encoded. */
  encode(value: unknown, type?: MessageType): Uint8Array;
  /** Throws a `bad request` error that says what is wrong with the bytes. An empty body is an empty message. */
  decode(body: Uint8Array, type?: MessageType): unknown;
}
