/** Asks until there is an answer; gives up after `withinMs` (default 10,000). */
export async function eventually<T>(ask: () => Promise<T | undefined>, withinMs = 10_000): Promise<T> {
  const deadline = Date.now() + withinMs;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined) return answer;
    if (Date.now() > deadline) throw new Error(`there was no answer within ${withinMs} ms`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
