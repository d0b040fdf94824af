/*
 * Writes records to a file store as fast as it can until it is killed, and prints the number of each one once it was
 * acknowledged. Arguments: the folder, the number of the round.
 */
import { writeSync } from 'node:fs';
import { fileStore } from '../../dist/store/file-store.js';

const [path, round] = process.argv.slice(2);
const store = fileStore({ path });

async function writer(name) {
  for (let count = 0; ; count++) {
    const key = `${round}/${name}/${String(count).padStart(6, '0')}`;
    await store.write({ key, value: Buffer.from(key.repeat(1 + (count % 50) * 20)), metadata: { key } });
    // Written before the next one begins, so that whoever reads it knows exactly what was acknowledged.
    writeSync(1, `${key}\n`);
    if (count % 10 !== 5) continue;
    const old = `${round}/${name}/${String(count - 1).padStart(6, '0')}`;
    // From here on the record may be gone, and after the next line it has to be.
    writeSync(1, `?${old}\n`);
    await store.delete(old);
    writeSync(1, `-${old}\n`);
  }
}

await Promise.all(['a', 'b', 'c', 'd'].map(writer));
