import type { StampedLine } from './pod-log.ts';

type Lines = AsyncGenerator<StampedLine, void, undefined>;

/**
 * The lines of several sources in the order of time, or the last `count` of them. Each source is read one line ahead; when
 * only the last lines are asked for, no more than twice as many are kept.
 */
export async function* mergeLines(sources: readonly Lines[], count: number): Lines {
  if (count === 0) return;
  if (count === Number.POSITIVE_INFINITY) {
    yield* inOrder(sources);
    return;
  }
  const last: StampedLine[] = [];
  for await (const line of inOrder(sources)) {
    last.push(line);
    if (last.length > 2 * count) last.splice(0, last.length - count);
  }
  yield* last.slice(-count);
}

async function* inOrder(sources: readonly Lines[]): Lines {
  try {
    const firsts = await Promise.all(sources.map(async (lines) => ({ lines, head: await lines.next() })));
    const heads = firsts.flatMap(({ lines, head }) => (head.done ? [] : [{ lines, line: head.value }]));
    for (;;) {
      const [first, ...others] = heads;
      if (first === undefined) return;
      const earliest = others.reduce((a, b) => (b.line.stamp < a.line.stamp ? b : a), first);
      yield earliest.line;
      const next = await earliest.lines.next();
      if (next.done) heads.splice(heads.indexOf(earliest), 1);
      else earliest.line = next.value;
    }
  } finally {
    await Promise.allSettled(sources.map((lines) => lines.return()));
  }
}
