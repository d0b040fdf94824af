/** A promise that rejects, with what `message` then says, unless it is cancelled before. */
export function deadline(ms: number, message: () => string): { reached: Promise<never>; cancel(): void } {
  let timer: NodeJS.Timeout | undefined;
  const reached = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(message())), ms);
  });
  return { reached, cancel: () => clearTimeout(timer) };
}
