/**
 * A pause with full jitter: anything up to `firstMs`, doubled `doublings` times, up to `longestMs` at most. Those who failed
 * together do not come back together.
 */
export function fullJitterMs(firstMs: number, longestMs: number, doublings: number): number {
  return Math.random() * Math.min(longestMs, firstMs * 2 ** Math.max(0, doublings));
}
