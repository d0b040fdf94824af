import { createDeadlineTimer } from '../util/deadline-timer.ts';
import type { DeadlineWatch, RequestContext } from './request-context.ts';

/** Aborts the contexts whose deadline has passed; only those whose signal somebody reads are in it. */
export function createDeadlineWatch(): DeadlineWatch & { close(): void } {
  const watched = new Set<RequestContext>();
  const timer = createDeadlineTimer((time) => {
    let next = Number.POSITIVE_INFINITY;
    for (const ctx of watched) {
      const { deadline = Number.POSITIVE_INFINITY } = ctx;
      if (deadline > time) {
        next = Math.min(next, deadline);
        continue;
      }
      watched.delete(ctx);
      ctx.expire();
    }
    return next;
  });
  return {
    add(ctx) {
      watched.add(ctx);
      timer.watch(ctx.deadline ?? Number.POSITIVE_INFINITY);
    },
    delete: (ctx) => watched.delete(ctx),
    close: () => timer.close(),
  };
}
