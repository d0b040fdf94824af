import { setTimeout as pause } from 'node:timers/promises';
import { initService } from '@micro/core';
import { callOnce } from './call.ts';

// Flags and MICRO_* variables choose how services are found and called; `--once` is ours.
let once = false;
const service = await initService(
  { name: '{{client}}' },
  {
    flags: [{ name: 'once', type: 'boolean', description: 'calls once, and fails when the call does' }],
    action(flags) {
      once = flags.once === true;
    },
  },
);

const end = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => end.abort());

do {
  try {
    console.log(await callOnce(service.client, end.signal));
  } catch (error) {
    if (end.signal.aborted) break;
    // The service may be away for a moment, so that we try again.
    console.error(error instanceof Error ? error.message : error);
    if (once) process.exitCode = 1;
  }
  if (once) break;
  await pause(1000, undefined, { signal: end.signal }).catch(() => {});
} while (!end.signal.aborted);

await service.stop();
