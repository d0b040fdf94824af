import { bidiStream, clientStream, defineService, serverStream, unary } from '@micro/core';

/**
 * What the service can do: one line for each method. These are types alone; to have messages checked as they come in, give
 * validators in their place, such as `unary({ input: z.object({ name: z.string() }), output: … })` with zod, valibot or arktype.
 */
export const {{handler}} = defineService('{{handler}}', {
  call: unary<{ name: string }, { msg: string }>(),
  clientStream: clientStream<{ stroke: number }, { count: number }>(),
  serverStream: serverStream<{ count: number }, { count: number }>(),
  bidiStream: bidiStream<{ stroke: number }, { stroke: number }>(),
});
