// Writes once, says so, waits for a line on stdin, tries to write again, closes its store, and ends by itself.
import { once } from 'node:events';
import { redisStore } from '../dist/index.js';

const store = redisStore({ url: process.argv.slice(2), timeoutMs: 3_000, patienceMs: 200 });
await store.write({ key: 'exit', value: Buffer.from('x') });
console.log('written');
await once(process.stdin, 'data');
process.stdin.destroy();
await store.write({ key: 'exit', value: Buffer.from('y') }).catch(() => {});
await store.close();
console.log('closed');
