import { lmdbStore } from '../dist/index.js';

// Writes one record after the other into the folder that it is given, and says each when it was acknowledged.
const store = lmdbStore({ path: process.argv[2] });
for (let number = 0; ; number++) {
  await store.write({ key: `${process.pid}/${number}`, value: Buffer.alloc(100, number) });
  process.stdout.write(`${number}\n`);
}
