import type { Handler, Middleware } from '../contract/middleware.ts';

/** One handler out of middleware around an innermost one; the first middleware listed is the outermost. Done once. */
export function compose(middleware: readonly Middleware[], innermost: Handler): Handler {
  return middleware.reduceRight((next, wrap) => wrap(next), innermost);
}
