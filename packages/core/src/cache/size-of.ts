/** About what a property or an element takes beside its value. */
const SLOT_BYTES = 8;
/** About what an object takes beside its properties. */
const OBJECT_BYTES = 32;

/**
 * About how many bytes of memory a value takes: what counts is that more data is a larger number, not the exact one. Parts
 * that are reached on several ways count once. What an object hides, such as private fields, does not count.
 */
export function sizeOf(value: unknown): number {
  const seen = new Set<object>();
  const waiting: unknown[] = [value];
  let total = 0;
  // Not recursive: a value may be nested deeper than the stack is.
  while (waiting.length > 0) {
    const next = waiting.pop();
    if (typeof next === 'string') total += 2 * next.length;
    else if (typeof next === 'bigint') total += next.toString(16).length;
    else if (typeof next !== 'object' || next === null) total += SLOT_BYTES;
    else if (!seen.has(next)) {
      seen.add(next);
      total += OBJECT_BYTES + ownSize(next, waiting);
    }
  }
  return total;
}

/** The bytes of an object itself; its parts are added to those that are still to be counted. */
function ownSize(object: object, parts: unknown[]): number {
  if (ArrayBuffer.isView(object)) {
    parts.push(object.buffer);
    return 0;
  }
  if (object instanceof ArrayBuffer || object instanceof SharedArrayBuffer) return object.byteLength;
  if (object instanceof Map) {
    for (const [key, value] of object) parts.push(key, value);
    return 2 * SLOT_BYTES * object.size;
  }
  if (object instanceof Set) {
    for (const value of object) parts.push(value);
    return SLOT_BYTES * object.size;
  }
  let bytes = 0;
  for (const [name, value] of Object.entries(object)) {
    bytes += SLOT_BYTES + 2 * name.length;
    parts.push(value);
  }
  return bytes;
}
