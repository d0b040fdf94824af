/** The command line makes no sense: the program says why and ends with 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}
