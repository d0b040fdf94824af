/** A limit as the user gave it, or the usual one; 0 is no limit, which is `Infinity`. */
export function limitOf(given: number | undefined, usual: number): number {
  const limit = given ?? usual;
  return limit === 0 ? Number.POSITIVE_INFINITY : limit;
}
