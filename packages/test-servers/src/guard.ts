import { spawn } from 'node:child_process';
import { letGo } from './let-go.ts';

/** Ends a server when this process has ended without doing so, even by SIGKILL, and removes its folder. */
export interface Guard {
  /** The process group to end; the one before is forgotten. `undefined`: none. */
  watch(group: number | undefined): void;
  /** Guards nothing any more. The folder is the caller's again. */
  close(): void;
}

/** A shell whose input ends when this process does. The word `over` is the other way out. */
const SCRIPT = `
trap '' HUP INT TERM
group=none
while read -r line; do group=$line; done
[ "$group" = over ] && exit 0
[ "$group" = none ] || kill -s KILL -- "-$group"
# What the server had open may still be written for a moment.
rm -rf -- "$1" || { sleep 1; rm -rf -- "$1"; }
`;

/** A guard for one server and its folder. Where there is no `/bin/sh` it does nothing. */
export function createGuard(folder: string): Guard {
  const shell = spawn('/bin/sh', ['-c', SCRIPT, 'guard of micro test-servers', folder], {
    // Not in our group, or the signal that ends us would end it too.
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
    cwd: '/',
    env: { PATH: process.env.PATH ?? '/usr/bin:/bin' },
  });
  shell.on('error', () => {});
  shell.stdin.on('error', () => {});
  // It watches over us, so it must not keep us here.
  letGo(shell);
  const tell = (line: string): void => {
    if (shell.stdin.writable) shell.stdin.write(`${line}\n`);
  };
  return {
    watch: (group) => tell(group === undefined ? 'none' : String(group)),
    close() {
      tell('over');
      shell.stdin.end();
    },
  };
}
