/*
 * Runs turbo without telemetry and update notices, and without colours where nobody sees them, on every platform (an
 * npm script cannot set variables on all of them).
 */
import { spawn } from 'node:child_process';

const env = { ...process.env, TURBO_TELEMETRY_DISABLED: '1', DO_NOT_TRACK: '1', TURBO_NO_UPDATE_NOTIFIER: '1' };
if (!process.stdout.isTTY) {
  // Together the two make Node print a warning.
  delete env.FORCE_COLOR;
  env.NO_COLOR = '1';
}

const turbo = spawn('turbo', process.argv.slice(2), { stdio: 'inherit', shell: process.platform === 'win32', env });
turbo.on('error', (error) => {
  console.error(`turbo did not start (run npm ci first): ${error.message}`);
  process.exitCode = 1;
});
turbo.on('exit', (code, signal) => {
  process.exitCode = code ?? (signal === 'SIGINT' ? 130 : 1);
});
// The terminal sends these to turbo as well; it ends its tasks, and we end with it.
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => turbo.kill(signal));
