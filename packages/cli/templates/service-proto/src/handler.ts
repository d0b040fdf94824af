import { setTimeout as pause } from 'node:timers/promises';
import type { HandlersOf } from '@micro/core';
import type { {{handler}} } from './gen/{{service}}_pb.ts';

/** One function for each method of proto/{{service}}.proto. */
export const handlers: HandlersOf<typeof {{handler}}> = {
  async call(request) {
    return { msg: `Hello ${request.name}` };
  },

  // The caller sends as long as it likes and gets its answer when it has sent all. An int64 of the .proto is a bigint.
  async clientStream(requests) {
    let count = 0n;
    for await (const _ of requests) count++;
    return { count };
  },

  // A caller that leaves, or whose deadline passes, aborts `ctx.signal`: the pause ends and the loop with it.
  async *serverStream(request, ctx) {
    for (let count = 0n; count < request.count; count++) {
      if (count > 0n) await pause(250, undefined, { signal: ctx.signal });
      yield { count };
    }
  },

  // Reads and writes at the same time. A caller that reads slowly slows this loop down.
  async *bidiStream(requests) {
    for await (const { stroke } of requests) yield { stroke };
  },
};
