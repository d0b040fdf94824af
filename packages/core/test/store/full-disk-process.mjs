/*
 * Writes to a file store while no file of this process may grow, which is what a full disk is like, and then again without
 * that limit. Prints what became of it as JSON. Argument: the folder.
 */
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { fileStore } from '../../dist/store/file-store.js';

// The signal that comes with the error would end the process.
process.on('SIGXFSZ', () => {});
const limitFiles = (bytes) => execFileSync('prlimit', ['--pid', String(process.pid), `--fsize=${bytes}:unlimited`]);

const store = fileStore({ path: process.argv[2] });
const written = [];
const codes = new Set();

async function write(key, bytes = 3_000) {
  try {
    await store.write({ key, value: randomBytes(bytes) });
    written.push(key);
  } catch (error) {
    codes.add(error.code);
  }
}

await write('before');
limitFiles(20_000);
// Each is larger than any file may get, so a store that begins another file has no room for it either.
for (let count = 0; count < 30; count++) await write(`during-${String(count).padStart(2, '0')}`, 30_000);
limitFiles('unlimited');
const failed = 31 - written.length;
await write('now');
const listed = await store.list();
await store.close();
console.log(
  JSON.stringify({
    failed,
    codes: [...codes],
    after: written.at(-1),
    lost: written.filter((key) => !listed.includes(key)),
  }),
);
