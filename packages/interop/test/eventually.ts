/** Asks until there is an answer; gives up after `withinMs` (default 30,000, since a busy machine is slow). */
export async function eventually<T>(ask: () => Promise<T | undefined>, withinMs = 30_000): Promise<T> {
  const deadline = Date.now() + withinMs;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined) return answer;
    if (Date.now() > deadline) throw new Error(`there was no answer within ${withinMs} ms`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
