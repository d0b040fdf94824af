/** What a function makes of each value, in their order, at most so many at once. The first failure is that of all. */
export async function inParallel<T, R>(
  values: readonly T[],
  make: (value: T) => Promise<R>,
  atOnce = 16,
): Promise<readonly R[]> {
  const results: R[] = [];
  const left = values.entries();
  const work = async (): Promise<void> => {
    for (const [at, value] of left) results[at] = await make(value);
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, values.length) }, work));
  return results;
}
