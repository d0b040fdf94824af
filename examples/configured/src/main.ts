import { copyFile, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { greeter } from './greeter.js';
import { settings } from './settings.js';

// A copy of the file, since this program changes it below.
const folder = await mkdtemp(join(tmpdir(), 'micro-configured-'));
const file = join(folder, 'greeter.yaml');
await copyFile(fileURLToPath(new URL('../config/greeter.yaml', import.meta.url)), file);

const config = await settings(file);
try {
  const timeoutMs = config.get('timeout').durationMs();
  console.log(`a call may take ${timeoutMs} ms, says ${config.get('team').string()}`);

  await using service = greeter(config);
  await service.start();
  const hello = { service: 'greeter', endpoint: 'Greeter.Hello', body: { name: 'John' } };
  console.log(await service.client.call(hello, { timeoutMs }));

  // From here on nothing is restarted: the file changes, and the service with it.
  const changes = config.watch(['greeting'], { signal: AbortSignal.timeout(10_000) });
  await change(file, 'greeting: Hello', 'greeting: Good day');
  for await (const greeting of changes) {
    console.log(`the greeting is now '${greeting.string()}'`);
    break;
  }
  console.log(await service.client.call(hello, { timeoutMs }));
} finally {
  await config.close();
  await rm(folder, { recursive: true });
}

/** Replaces the file as a whole, as editors and deployments do. */
async function change(path: string, from: string, to: string): Promise<void> {
  const text = await readFile(path, 'utf8');
  await writeFile(`${path}.new`, text.replace(from, to));
  await rename(`${path}.new`, path);
}
