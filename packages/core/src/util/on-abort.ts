/** Who waits for each signal; a signal that nobody waits for is not here. */
const waiting = new WeakMap<AbortSignal, { readonly listeners: Set<() => void>; readonly tell: () => void }>();

/**
 * Calls the listener once when the signal aborts, at once if it has. Returns what takes it off again. However many wait
 * for one signal it has one event listener: a request that fans out into a hundred calls is no leak, and Node would warn of
 * one; and adding to a set costs less.
 */
export function onAbort(signal: AbortSignal, listener: () => void): () => void {
  if (signal.aborted) {
    listener();
    return nothing;
  }
  let entry = waiting.get(signal);
  if (entry === undefined) {
    const listeners = new Set<() => void>();
    const tell = (): void => {
      waiting.delete(signal);
      for (const each of listeners) each();
    };
    entry = { listeners, tell };
    waiting.set(signal, entry);
    signal.addEventListener('abort', tell, { once: true });
  }
  const { listeners, tell } = entry;
  listeners.add(listener);
  return () => {
    if (!listeners.delete(listener) || listeners.size > 0 || waiting.get(signal)?.listeners !== listeners) return;
    waiting.delete(signal);
    signal.removeEventListener('abort', tell);
  };
}

function nothing(): void {}
