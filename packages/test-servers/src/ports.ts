import { randomInt } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';

/** Ports that nobody else is given until they are released. */
export interface ReservedPorts<N extends string> {
  readonly at: Readonly<Record<N, number>>;
  release(): void;
}

const LOWEST = 10_000;
const TRIES = 200;

/** Reserves one free port of 127.0.0.1 for each name. */
export async function reservePorts<N extends string>(names: readonly N[]): Promise<ReservedPorts<N>> {
  const held: HeldPort[] = [];
  try {
    for (const _ of names) held.push(await holdPort());
  } catch (error) {
    for (const { lock } of held) lock?.close();
    throw error;
  }
  const at = Object.fromEntries(names.map((name, index) => [name, held[index]?.port ?? 0])) as Record<N, number>;
  return { at, release: () => void held.splice(0).map(({ lock }) => lock?.close()) };
}

interface HeldPort {
  readonly port: number;
  readonly lock: Server | undefined;
}

/**
 * Ports for outgoing connections are none: while a server is down, the kernel could hand its port to a client, even to
 * the one that tries to reach it and then talks to itself.
 */
async function holdPort(): Promise<HeldPort> {
  const highest = lowestOutgoing() - 1;
  for (let tries = 0; tries < TRIES; tries++) {
    const port = highest - LOWEST < 1_000 ? 0 : randomInt(LOWEST, highest + 1);
    const free = await listen({ host: '127.0.0.1', port });
    if (free === undefined) continue;
    const found = portOf(free);
    await new Promise((resolve) => free.close(resolve));
    const lock = process.platform === 'linux' ? await lockPort(found) : undefined;
    if (process.platform !== 'linux' || lock !== undefined) return { port: found, lock };
  }
  throw new Error(`no free port was found on 127.0.0.1 in ${TRIES} tries`);
}

/** A name in the kernel that one process has at a time, and that is free when it dies: nothing to clean up. */
function lockPort(port: number): Promise<Server | undefined> {
  return listen({ path: `\0micro-test-servers-port-${port}` });
}

/** `undefined` when it is taken. */
function listen(where: { host: string; port: number } | { path: string }): Promise<Server | undefined> {
  const server = createServer((socket) => socket.destroy());
  server.unref();
  return new Promise((resolve) => {
    server.once('error', () => resolve(undefined));
    server.listen(where, () => resolve(server));
  });
}

function portOf(server: Server): number {
  const address = server.address();
  return address !== null && typeof address === 'object' ? address.port : 0;
}

function lowestOutgoing(): number {
  try {
    return Number.parseInt(readFileSync('/proc/sys/net/ipv4/ip_local_port_range', 'utf8'), 10) || 0;
  } catch {
    // Not Linux: IANA's range, which macOS and Windows keep to.
    return 49_152;
  }
}
