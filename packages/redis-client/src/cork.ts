import type { RedisStream } from './client-types.ts';

/**
 * Holds back what is written to sockets until the end of the tick: the commands of many calls leave in one packet, and none
 * of them waits for a timer. Returns a function to be called before anything is written.
 */
export function corker(streams: () => readonly RedisStream[]): () => void {
  let corked: readonly RedisStream[] | undefined;

  const release = (): void => {
    const held = corked ?? [];
    corked = undefined;
    for (const stream of held) stream.uncork();
  };

  return () => {
    if (corked !== undefined) return;
    corked = streams();
    for (const stream of corked) stream.cork();
    process.nextTick(release);
  };
}
