import { spawn } from 'node:child_process';
import { once } from 'node:events';

/** A network of its own, in which multicast goes round and nobody else listens. */
export interface Namespace {
  /** The words that, put before a command, run it in the namespace. */
  readonly prefix: readonly string[];
  /** The address of its one interface beside the loopback. */
  readonly ip: string;
  /** Gives it up. The kernel deletes it when the last process in it is gone; nothing is left behind on disk. */
  close(): Promise<void>;
}

const IP = '10.77.0.1';

/** The interface is a pair of which one end has the address: an end alone is down, and multicast needs one that is up. */
const SETUP = [
  'set -e',
  'ip link set lo up',
  'ip link add micro0 type veth peer name micro1',
  `ip addr add ${IP}/24 dev micro0`,
  'ip link set micro0 up',
  'ip link set micro1 up',
  'ip route add 224.0.0.0/4 dev micro0',
  'echo ready',
  // Holds the namespace until its stdin ends, which it also does when this process dies.
  'exec cat',
].join('\n');

/**
 * Makes a network namespace, or says why that cannot be done here: it takes Linux with `unshare`, `nsenter` and `ip`, and
 * root or user namespaces that are open to everybody.
 */
export async function createNamespace(): Promise<Namespace | { readonly missing: string }> {
  if (process.platform !== 'linux') return { missing: `network namespaces are Linux's, this is ${process.platform}` };
  const root = process.getuid?.() === 0;
  const own = root ? ['--net'] : ['--user', '--map-root-user', '--net'];
  const holder = spawn('unshare', [...own, 'sh', '-c', SETUP], { stdio: ['pipe', 'pipe', 'pipe'] });
  let said = '';
  holder.stdin.on('error', () => {});
  holder.stderr.setEncoding('utf8').on('data', (chunk: string) => {
    said = (said + chunk).slice(-2_000);
  });
  const exited = new Promise<void>((resolve) => {
    holder.once('close', () => resolve());
    holder.once('error', (error) => {
      said = error.message;
      resolve();
    });
  });
  const ready = await Promise.race([once(holder.stdout, 'data').then(() => true), exited.then(() => false)]);
  if (!ready) return { missing: `a network namespace cannot be made here: ${said.trim()}` };
  const enter = root ? ['--net'] : ['--user', '--preserve-credentials', '--net'];
  return {
    prefix: ['nsenter', '--target', String(holder.pid), ...enter, '--'],
    ip: IP,
    async close() {
      holder.stdin.end();
      await exited;
    },
  };
}
