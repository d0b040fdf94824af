const ORIGIN = performance.timeOrigin;

/**
 * Milliseconds since the epoch on a clock that is never set back: deadlines are kept on it, so that a correction of the
 * system's clock neither ends a call early nor lets it wait for ever.
 */
export function now(): number {
  return ORIGIN + performance.now();
}
