/**
 * Runs what concerns the same key one after the other, in the order in which it was asked for. What fails does not stop
 * those behind it. Only keys that something is going on with take memory.
 */
export function keyedTurns(): <T>(key: string, task: () => Promise<T>) => Promise<T> {
  const last = new Map<string, Promise<unknown>>();
  return (key, task) => {
    const before = last.get(key);
    const result = before === undefined ? task() : before.then(task, task);
    last.set(key, result);
    const forget = (): void => {
      if (last.get(key) === result) last.delete(key);
    };
    result.then(forget, forget);
    return result;
  };
}
