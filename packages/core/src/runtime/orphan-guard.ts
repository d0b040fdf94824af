import { type ChildProcess, spawn } from 'node:child_process';

/** Ends process groups when this process has ended without doing so. */
export interface OrphanGuard {
  add(group: number): void;
  delete(group: number): void;
  /** Guards nothing any more, and ends. */
  close(): void;
}

/**
 * A shell that reads which groups there are. Its input ends when this process does, even by SIGKILL: then it ends what is
 * left, with the same grace.
 */
const SCRIPT = `
trap '' HUP INT
groups=' '
while read -r what group; do
  case $what in
    +) groups="$groups$group " ;;
    -) rest=' '
       for one in $groups; do [ "$one" = "$group" ] || rest="$rest$one "; done
       groups=$rest ;;
  esac
done
signal() { for one in $groups; do kill -s "$1" -- "-$one"; done; }
[ "$1" -gt 0 ] && signal TERM
seconds=0
while [ "$seconds" -lt "$1" ]; do
  left=no
  for one in $groups; do kill -s 0 -- "-$one" && left=yes; done
  [ $left = yes ] || exit 0
  sleep 1
  seconds=$((seconds + 1))
done
signal KILL
`;

/** A shell counts no further than it has to. */
const MOST_SECONDS = 86_400;

/** Makes a guard; its shell starts with the first group. Where there is no `/bin/sh`, Windows included, it does nothing. */
export function createOrphanGuard(graceMs: number): OrphanGuard {
  const groups = new Set<number>();
  let shell: ChildProcess | undefined;

  const tell = (text: string): void => {
    if (shell?.stdin?.writable === true) shell.stdin.write(text);
  };

  const start = (): void => {
    if (process.platform === 'win32') return;
    const started = spawn(
      '/bin/sh',
      ['-c', SCRIPT, 'orphan-guard of micro', String(Math.min(Math.ceil(graceMs / 1_000), MOST_SECONDS))],
      {
        // Not in our group, or the signal that ends us would end it too.
        detached: true,
        stdio: ['pipe', 'ignore', 'ignore'],
        cwd: '/',
        env: { PATH: process.env.PATH ?? '/usr/bin:/bin' },
      },
    );
    shell = started;
    const over = (): void => {
      if (shell === started) shell = undefined;
    };
    started.once('error', over).once('exit', over);
    started.stdin.on('error', over);
    // It watches over us, so it must not keep us here.
    started.unref();
    if ('unref' in started.stdin && typeof started.stdin.unref === 'function') started.stdin.unref();
    for (const group of groups) tell(`+ ${group}\n`);
  };

  return {
    add(group) {
      groups.add(group);
      if (shell === undefined) start();
      else tell(`+ ${group}\n`);
    },
    delete(group) {
      if (groups.delete(group)) tell(`- ${group}\n`);
    },
    close() {
      groups.clear();
      shell?.stdin?.end();
      shell = undefined;
    },
  };
}
