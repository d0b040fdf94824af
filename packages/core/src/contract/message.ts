/** Header fields by canonical name. A header is never changed after it was made, and has no prototype to pollute. */
export type Header = Readonly<Record<string, string>>;

/** What travels over a socket: fields and bytes. */
export interface Message {
  /**
   * The fields that every message of this method has in common: one object, made once. A transport may recognise it by
   * identity, write it out once per connection and refer to it afterwards; the receiver then sees one object as well.
   */
  readonly header: Header;
  /** The fields of this message alone. A name that stands in both means this one. */
  readonly extra?: Header | undefined;
  /** The encoded value. It belongs to the message: whoever sends it does not change it afterwards. */
  readonly body: Uint8Array;
}
