import type { Codec } from '../contract/codec.ts';

/** Codecs by content type. */
export interface CodecTable {
  /** The codec of exactly this content type: no parameters, no other case, as go-micro compares them. */
  find(contentType: string): Codec | undefined;
  /** All content types that are served, in the order of the codecs. */
  readonly contentTypes: readonly string[];
}

/** A table of codecs. Where two serve one content type the later one counts, so a user's go behind the defaults. */
export function codecTable(codecs: readonly Codec[]): CodecTable {
  const byType = new Map(codecs.flatMap((codec) => codec.contentTypes.map((contentType) => [contentType, codec])));
  return { find: (contentType) => byType.get(contentType), contentTypes: [...byType.keys()] };
}
