import { isThenable } from '../util/is-thenable.ts';

/** Told once that what was followed is over, with what went wrong. */
export type Finish = (error?: unknown) => void;

/**
 * Runs the rest of a call inside of middleware and says when it is over: with the answer, with the last message of a stream,
 * or when its reader leaves. What it throws is thrown on.
 */
export function followed(run: () => unknown, finish: Finish): unknown {
  let result: unknown;
  try {
    result = run();
  } catch (error) {
    finish(error);
    throw error;
  }
  if (isThenable(result)) return settled(result, finish);
  if (isStream(result)) return throughout(result, finish);
  finish();
  return result;
}

async function settled(result: PromiseLike<unknown>, finish: Finish): Promise<unknown> {
  try {
    const value = await result;
    if (isStream(value)) return throughout(value, finish);
    finish();
    return value;
  } catch (error) {
    finish(error);
    throw error;
  }
}

async function* throughout(stream: AsyncIterable<unknown>, finish: Finish): AsyncGenerator<unknown> {
  let fault: unknown;
  try {
    yield* stream;
  } catch (error) {
    fault = error;
    throw error;
  } finally {
    finish(fault);
  }
}

function isStream(value: unknown): value is AsyncIterable<unknown> {
  return typeof value === 'object' && value !== null && Symbol.asyncIterator in value;
}
