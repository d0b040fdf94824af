/** How long to wait for something, and how often to look. */
export interface EventuallyOptions {
  /** When to give up, in milliseconds. Default 5,000. */
  readonly timeoutMs?: number | undefined;
  /** How long to wait between two looks, in milliseconds. Default 20. */
  readonly everyMs?: number | undefined;
}

/**
 * Runs a check until it no longer throws and returns what it returned. Throws what the check threw last when the time is
 * over. For facts that become true some time after their cause.
 */
export async function eventually<T>(check: () => T | Promise<T>, options: EventuallyOptions = {}): Promise<T> {
  const { timeoutMs = 5_000, everyMs = 20 } = options;
  const end = performance.now() + timeoutMs;
  for (;;) {
    try {
      return await check();
    } catch (error) {
      if (performance.now() >= end) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, everyMs));
  }
}

/** The promise's outcome, or an error that names what was awaited when it takes longer than so many milliseconds. */
export async function within<T>(what: string, promise: Promise<T>, timeoutMs = 5_000): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what} took longer than ${timeoutMs} ms`)), timeoutMs);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
