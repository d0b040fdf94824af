import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { type Program, startProgram, until } from './program.js';

/** Longer than the news takes when everybody is found at once. */
const TELL_AGAIN_MS = 1_000;

const env = { ...process.env, PUBSUB_MDNS_PORT: String(await freePort()) };
const programs: Program[] = [];
function start(file: string, ...args: string[]): Program {
  const program = startProgram(file, args, env);
  programs.push(program);
  return program;
}
function packer(name: string): Program {
  return start('packer.js', name);
}
process.once('exit', () => {
  for (const program of programs) program.kill();
});
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));

const shop = start('shop.js');
const [ann, bob] = [packer('ann'), packer('bob')];
await until('both packers are ready', () =>
  [ann, bob].every((one) => one.lines.some((line) => line.endsWith('ready'))),
);

// Everybody reads the news. By mDNS somebody who is busy may be found a moment late, so it is told until both have read it.
let toldAt = 0;
await until('both have read it', () => {
  if (Date.now() - toldAt > TELL_AGAIN_MS) {
    toldAt = Date.now();
    shop.tell('news hello');
  }
  return [ann, bob].every((one) => one.lines.some((line) => line.endsWith('hello')));
});
console.log('ann and bob read the news');

// Each order is packed once, by whoever has time.
for (let order = 1; order <= 20; order++) shop.tell(`order ${order}`);
await until('20 orders are packed', () => packed(ann, bob).length === 20);
console.log(`ann and bob packed ${summary(packed(ann, bob))} between them, each of them some: ${bothPacked()}`);

// Nobody packs: the shop keeps what it is told for the packers' queue.
await Promise.all([ann.end('SIGTERM'), bob.end('SIGTERM')]);
for (let order = 21; order <= 25; order++) shop.tell(`order ${order}`);
await until('the shop has published them', () => shop.lines.includes('shop: order 25'));
console.log('ann and bob went home, and 5 more orders were placed');

const back = packer('ann');
await until('the orders are packed', () => packed(back).length === 5);
console.log(`ann came back and packed ${summary(packed(back))}`);

await shop.end();
await back.end('SIGTERM');

function packed(...packers: readonly Program[]): readonly number[] {
  const lines = packers.flatMap((one) => one.lines).filter((line) => line.includes('packed'));
  return lines.map((line) => Number(line.split(' ').at(-1))).sort((a, b) => a - b);
}

function summary(orders: readonly number[]): string {
  const isWhole = orders.every((order, index) => order === (orders[0] ?? 0) + index);
  return isWhole ? `${orders[0]} to ${orders.at(-1)}` : orders.join(', ');
}

function bothPacked(): string {
  return packed(ann).length > 0 && packed(bob).length > 0 ? 'yes' : 'no';
}

/** A UDP port that nobody uses at the moment. */
async function freePort(): Promise<number> {
  const socket = createSocket('udp4');
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  const { port } = socket.address();
  socket.close();
  await once(socket, 'close');
  return port;
}
