import type { NatsConnection } from 'nats';

/** So many questions that are not answered are too many. */
const MOST_UNANSWERED = 2;

/**
 * Asks a server every so often whether it is there, and tells when it is not: after two to three intervals. A server that
 * hangs keeps its connections, so nothing else would say so. Anything that comes counts as an answer, and an own process that
 * was held up counts as one interval. Returns what stops it.
 */
export function startPulse(connection: NatsConnection, intervalMs: number, lost: (reason: string) => void): () => void {
  if (!Number.isFinite(intervalMs)) return () => {};
  let unanswered = 0;
  let received = 0;
  const beat = (): void => {
    const { inMsgs } = connection.stats();
    if (inMsgs !== received) unanswered = 0;
    received = inMsgs;
    if (unanswered >= MOST_UNANSWERED) {
      lost(`no answer for ${Math.round(intervalMs * MOST_UNANSWERED)} ms`);
      return;
    }
    unanswered += 1;
    connection.flush().then(
      () => {
        unanswered = 0;
      },
      () => {},
    );
  };
  const timer = setInterval(beat, intervalMs);
  timer.unref();
  return () => clearInterval(timer);
}
