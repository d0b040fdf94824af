import { create, type DescMessage, type Message } from '@bufbuild/protobuf';

/** What a caller passed as a message: a message as it is, an initial value made into one, nothing as the empty one. */
export function messageOf(desc: DescMessage, value: unknown): Message {
  if (value === undefined || value === null) return create(desc);
  if (!isInit(value)) throw new Error(`${kindOf(value)} is no message`);
  return create(desc, value);
}

/** What a value is, in words, for the text of an error. */
export function kindOf(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  if (value instanceof Uint8Array) return 'a Uint8Array';
  return Array.isArray(value) ? 'a list' : `a value of type ${typeof value}`;
}

function isInit(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && !Array.isArray(value) && !(value instanceof Uint8Array);
}
