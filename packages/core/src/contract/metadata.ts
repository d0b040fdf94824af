/**
 * What a caller says beside the request: names without regard to case, text values. On the wire each pair is a header
 * field under its canonical name (`trace-id` travels as `Trace-Id`, as Go writes it).
 */
export interface Metadata extends Iterable<readonly [name: string, value: string]> {
  readonly size: number;
  get(name: string): string | undefined;
  has(name: string): boolean;
  /**
   * Sets a pair. A name that is no HTTP token, or that belongs to the protocol, and a value with a line break or a
   * control character are refused with a `bad request` error that names them: nothing can be injected into a header.
   */
  set(name: string, value: string): void;
  delete(name: string): void;
}

/** Anything metadata can be made from. */
export type MetadataInit = Metadata | Readonly<Record<string, string>>;
