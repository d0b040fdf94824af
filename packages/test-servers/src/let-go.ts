import type { ChildProcess } from 'node:child_process';

/** Lets this process end while the child and its pipes are still there. */
export function letGo(child: ChildProcess): void {
  child.unref();
  for (const stream of child.stdio) {
    // Pipes of a child are sockets, which their type does not say.
    if (stream && 'unref' in stream && typeof stream.unref === 'function') stream.unref();
  }
}
