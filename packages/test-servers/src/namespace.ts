import { execFile, spawn, spawnSync } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { findProgram } from './find-program.ts';
import { letGo } from './let-go.ts';
import { required } from './missing-server.ts';
import type { Network } from './network.ts';

/** A network of its own, which nobody outside can reach. */
export interface Island extends Network {
  /** The words that, put before a command, run it in the namespace. */
  readonly prefix: readonly string[];
  /** The address of its one interface beside the loopback. Multicast goes round there, too. */
  readonly ip: string;
  /** Gives it up. The kernel deletes it when the last process in it is gone; nothing is left behind on disk. */
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** A network of its own, with a cable to ours that can be cut. Namespaces of this kind reach each other, too. */
export interface Namespace extends Island {
  /**
   * From now on every packet to and from it is lost without a word, as when a switch fails: connections stay, and what is
   * sent waits; new ones are neither made nor refused.
   */
  partition(): Promise<void>;
  /** Packets go through again. What waited arrives with TCP's next try, which comes the later the longer it lasted. */
  heal(): Promise<void>;
}

/**
 * Why no namespace can be joined to our network here; `undefined` when one can. It takes Linux, root, and `unshare`,
 * `nsenter` and `ip`. With `CI` set, root is expected to have the rest: it throws that reason instead.
 */
export function missingNamespace(): string | undefined {
  const reason = noTools() ?? notRoot();
  return reason === undefined || process.getuid?.() !== 0 ? reason : required(reason);
}

/** Makes a namespace that servers can be started in, and reached in from here. */
export async function createNamespace(): Promise<Namespace> {
  const reason = noTools() ?? notRoot();
  if (reason !== undefined) throw new Error(reason);
  const holder = await hold(['--net']);
  const inside = ['nsenter', '--target', String(holder.pid), '--net', '--'];
  try {
    const { link, here, there } = await layCable(holder.pid);
    await runAll([], `link set ${link} up`, `addr add ${here.ip}/30 dev ${link}`);
    await runAll(
      inside,
      'link set lo up',
      'link set micro0 up',
      `addr add ${there.ip}/30 dev micro0`,
      `route add ${BLOCK} via ${here.ip}`,
      'route add 224.0.0.0/4 dev micro0',
    );
    forward(link);
    // Both sides know the other's hardware address for good. A wrong one cuts the cable: nobody takes what is sent then.
    const know = async (hereMac: string, thereMac: string): Promise<void> => {
      await runAll([], `neigh replace ${there.ip} lladdr ${thereMac} nud permanent dev ${link}`);
      await runAll(inside, `neigh replace ${here.ip} lladdr ${hereMac} nud permanent dev micro0`);
    };
    await know(here.mac, there.mac);
    const close = async (): Promise<void> => {
      // The kernel takes its time over a dead namespace, and the name of the link is free when this is done.
      await run([], ['link', 'delete', link]).catch(() => {});
      await holder.end();
    };
    return {
      prefix: inside,
      ip: there.ip,
      partition: () => know(NOBODY, NOBODY),
      heal: () => know(here.mac, there.mac),
      close,
      [Symbol.asyncDispose]: close,
    };
  } catch (error) {
    await holder.end();
    throw error;
  }
}

/**
 * Makes a namespace that nothing reaches from outside, for multicast that must not be heard by others, or says why that
 * cannot be done here: it takes Linux with `unshare`, `nsenter` and `ip`, and root or user namespaces that are open to
 * everybody.
 */
export async function createIsland(): Promise<Island | { readonly missing: string }> {
  const reason = noTools();
  if (reason !== undefined) return { missing: reason };
  const root = process.getuid?.() === 0;
  let holder: Holder | undefined;
  try {
    holder = await hold(root ? ['--net'] : ['--user', '--map-root-user', '--net']);
    const enter = root ? ['--net'] : ['--user', '--preserve-credentials', '--net'];
    const inside = ['nsenter', '--target', String(holder.pid), ...enter, '--'];
    await runAll(
      inside,
      'link set lo up',
      // A pair of which one end has the address: an end alone is down, and multicast needs one that is up.
      'link add micro0 type veth peer name micro1',
      `addr add ${ISLAND_IP}/24 dev micro0`,
      'link set micro0 up',
      'link set micro1 up',
      'route add 224.0.0.0/4 dev micro0',
    );
    return { prefix: inside, ip: ISLAND_IP, close: holder.end, [Symbol.asyncDispose]: holder.end };
  } catch (error) {
    await holder?.end();
    return { missing: `a network namespace cannot be made here: ${error instanceof Error ? error.message : error}` };
  }
}

const ISLAND_IP = '10.77.0.1';
/** Addresses for measurements between networks (RFC 2544): nobody's network has them. */
const BLOCK = '198.18.0.0/15';
const CABLES = 2 ** 15;
const NOBODY = '02:00:00:00:00:00';

interface Cable {
  readonly link: string;
  readonly here: { readonly ip: string; readonly mac: string };
  readonly there: { readonly ip: string; readonly mac: string };
}

/** Two interfaces back to back: one here and one in the namespace. The kernel gives each name, and so each network, once. */
async function layCable(pid: number): Promise<Cable> {
  for (let tries = 1; ; tries++) {
    const number = randomInt(CABLES);
    const [high, low] = [18 + (number >> 14), number << 2];
    const end = (last: number) => ({
      ip: `198.${high}.${(low >> 8) & 255}.${(low & 255) + last}`,
      mac: `02:00:${[high, (low >> 8) & 255, low & 255, last].map((part) => part.toString(16).padStart(2, '0')).join(':')}`,
    });
    const [link, here, there] = [`micro-${number}`, end(1), end(2)];
    try {
      const ends = ['address', here.mac, 'type', 'veth', 'peer', 'name', 'micro0', 'address', there.mac];
      await run([], ['link', 'add', link, ...ends, 'netns', String(pid)]);
      return { link, here, there };
    } catch (error) {
      if (tries === 20 || !String(error).includes('File exists')) throw error;
    }
  }
}

/** Lets packets from one namespace through to another; those to anywhere else have no route. */
function forward(link: string): void {
  try {
    writeFileSync(`/proc/sys/net/ipv4/conf/${link}/forwarding`, '1');
  } catch {
    // A container whose /proc cannot be written to: namespaces reach us, and not each other.
  }
}

interface Holder {
  readonly pid: number;
  end(): Promise<void>;
}

/** A process in a new namespace, which the kernel keeps for as long as there is one. It ends when this process does. */
async function hold(namespaces: readonly string[]): Promise<Holder> {
  const holder = spawn('unshare', [...namespaces, 'sh', '-c', 'echo ready; exec cat'], {
    stdio: ['pipe', 'pipe', 'pipe'],
    // Ctrl-C is for us, and we decide what becomes of it.
    detached: true,
  });
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
  if (!ready || holder.pid === undefined) throw new Error(said.trim());
  // Who forgets to close a namespace is not held up by it.
  letGo(holder);
  return {
    pid: holder.pid,
    async end() {
      holder.ref();
      holder.stdin.end();
      await exited;
    },
  };
}

const execute = promisify(execFile);

async function runAll(inside: readonly string[], ...commands: readonly string[]): Promise<void> {
  for (const command of commands) await run(inside, command.split(' '));
}

async function run(inside: readonly string[], command: readonly string[]): Promise<void> {
  const [program = '', ...args] = [...inside, findProgram('ip') ?? 'ip', ...command];
  await execute(program, args, { timeout: 10_000 });
}

function noTools(): string | undefined {
  if (process.platform !== 'linux') return `network namespaces are Linux's, this is ${process.platform}`;
  const absent = ['unshare', 'nsenter', 'ip'].find((name) => findProgram(name) === undefined);
  if (absent === undefined) return undefined;
  return `${absent} is not installed; on Debian: apt-get install ${absent === 'ip' ? 'iproute2' : 'util-linux'}`;
}

function notRoot(): string | undefined {
  if (process.getuid?.() !== 0) return 'a network namespace can be joined to ours by root alone';
  // A container may have a root without the right to do so.
  const { status, stderr } = spawnSync('unshare', ['--net', 'true'], { encoding: 'utf8' });
  return status === 0 ? undefined : `network namespaces cannot be made here: ${stderr.trim()}`;
}
