import type { Client } from '@micro/core';
import { Helloworld } from './gen/helloworld_pb.js';

/** Calls each method once and prints what it answers. */
export async function talk(client: Client): Promise<void> {
  const hello = client.of(Helloworld, 'helloworld');
  const strokes = [{ stroke: 1n }, { stroke: 2n }, { stroke: 3n }];

  const { msg } = await hello.call({ name: 'John' }, { timeoutMs: 2000 });
  console.log(msg);

  const { count } = await hello.clientStream(strokes);
  console.log(`1 + 2 + 3 = ${count}`);

  for await (const { count } of hello.serverStream({ count: 3n })) console.log(`counted ${count}`);

  for await (const { stroke } of hello.bidiStream(strokes)) console.log(`echoed ${stroke}`);
}
