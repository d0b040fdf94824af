import { setTimeout as pause } from 'node:timers/promises';
import type { HandlersOf } from '@micro/core';
import type { {{handler}} } from './contract.ts';

/** One function for each method of the contract. */
export const handlers: HandlersOf<typeof {{handler}}> = {
  async call(request) {
    return { msg: `Hello ${request.name}` };
  },

  // The caller sends as long as it likes and gets its answer when it has sent all.
  async clientStream(requests) {
    let count = 0;
    for await (const _ of requests) count++;
    return { count };
  },

  // A caller that leaves, or whose deadline passes, aborts `ctx.signal`: the pause ends and the loop with it.
  async *serverStream(request, ctx) {
    for (let count = 0; count < request.count; count++) {
      if (count > 0) await pause(250, undefined, { signal: ctx.signal });
      yield { count };
    }
  },

  // Reads and writes at the same time. A caller that reads slowly slows this loop down.
  async *bidiStream(requests) {
    for await (const { stroke } of requests) yield { stroke };
  },
};
