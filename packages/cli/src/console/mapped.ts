/** Values as they come, each as the function has it. */
export async function* mapped<T, R>(values: AsyncIterable<T>, map: (value: T) => R): AsyncIterable<R> {
  for await (const value of values) yield map(value);
}
