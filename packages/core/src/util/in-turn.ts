/**
 * Runs tasks one after the other, in the order in which they were asked for, so that starting and stopping never overlap
 * and what was asked for last is what holds in the end. A task that fails does not stop those behind it.
 */
export function inTurn(): <T>(task: () => Promise<T>) => Promise<T> {
  let last: Promise<unknown> = Promise.resolve();
  return (task) => {
    const result = last.then(task);
    last = result.catch(() => {});
    return result;
  };
}
