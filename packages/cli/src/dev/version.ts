import type { RegisteredEndpoint, ServiceRecord } from '@micro/core';
import { type Child, type ChildOptions, type OrphanGuard, startChild } from '@micro/core/plugin';

/** What a service said of itself when its server had started. */
export interface Started {
  /** What the registry calls it. */
  readonly name: string;
  readonly node: string;
  readonly address: string;
  readonly endpoints: readonly RegisteredEndpoint[];
}

/**
 * How the start of a version went. `up`: it runs, and has started a server unless `started` is missing. `done`: it has ended
 * with code 0. `failed`: it has ended otherwise, or has not come up in time.
 */
export type Outcome =
  | { readonly state: 'up'; readonly started: Started | undefined }
  | { readonly state: 'done' }
  | {
      readonly state: 'failed';
      readonly how: string;
      /** Something that only one process can have, such as a port, was another's. */
      readonly isHeld: boolean;
      /** Its code is none, or not all of it is there: to try again is no use. */
      readonly isBroken: boolean;
    };

/** One process of a service, with the code as it was when it was started. */
export interface Version {
  /** How its start went. */
  readonly outcome: Promise<Outcome>;
  /** Resolves when all of it has ended: with `undefined` after code 0, or with how it failed. */
  readonly ended: Promise<string | undefined>;
  readonly startedAt: number;
  readonly pid: number;
  /** Opens the debugger at a port of this host. Only a Node program does. */
  inspect(port: number): void;
  /** Ends it and all that it started: SIGTERM, and SIGKILL after the grace; another grace may be given. */
  end(graceMs?: number): Promise<boolean>;
}

/** What a version is started from. */
export interface VersionOptions {
  readonly command: ChildOptions['command'];
  readonly folder: string;
  readonly env: ChildOptions['env'];
  readonly graceMs: number;
  readonly guard: OrphanGuard;
  readonly onLine: ChildOptions['onLine'];
  /** How long it may run without having started a server. */
  readonly patienceMs: number;
  /** Whether one that has started no server by then has failed; otherwise it is one that has none. */
  readonly needsServer: boolean;
}

/** What a port, and a folder of the file store, of another process are called in errors. */
const HELD = /\b(?:EADDRINUSE|LEVEL_LOCKED|is open already, here or in another process)\b/;
/** What Node, and tsx, call code that cannot be run. */
const BROKEN =
  /\b(?:SyntaxError|TransformError|ERR_MODULE_NOT_FOUND|ERR_\w*TYPESCRIPT\w*|Cannot find (?:module|package))\b/;

/** Starts a version. Throws 400 when there is no such program. */
export async function startVersion(options: VersionOptions): Promise<Version> {
  const { onLine, patienceMs, needsServer } = options;
  const startedAt = performance.now();
  let isHeld = false;
  let isBroken = false;
  let isUp = false;
  let announce: (started: Started) => void = () => {};
  const announced = new Promise<Started>((resolve) => {
    announce = resolve;
  });

  const child: Child = await startChild({
    ...options,
    onLine(stream, line) {
      // Why a program ends it says to people alone, each in its own way.
      if (!isUp) {
        isHeld ||= HELD.test(line);
        isBroken ||= BROKEN.test(line);
      }
      return onLine(stream, line);
    },
    onMessage(message) {
      const started = readStarted(message);
      if (started !== undefined) announce(started);
    },
  });

  const failed = (how: string): Outcome => ({ state: 'failed', how, isHeld, isBroken });
  const outcome = async (): Promise<Outcome> => {
    let timer: NodeJS.Timeout | undefined;
    const waited = new Promise<Outcome>((resolve) => {
      timer = setTimeout(() => {
        const late = `has started no server within ${patienceMs / 1_000} s`;
        resolve(needsServer ? failed(late) : { state: 'up', started: undefined });
      }, patienceMs);
    });
    const ended = child.ended.then((how): Outcome => (how === undefined ? { state: 'done' } : failed(how)));
    const up = announced.then((started): Outcome => ({ state: 'up', started }));
    try {
      return await Promise.race([up, ended, waited]);
    } finally {
      clearTimeout(timer);
      isUp = true;
    }
  };

  return {
    outcome: outcome(),
    ended: child.ended,
    startedAt,
    pid: child.pid,
    inspect: (port) => child.send({ type: 'micro:inspect', port }),
    end: (graceMs) => child.end(graceMs),
  };
}

/** What the preload says; any code of the service may say something too. */
function readStarted(message: unknown): Started | undefined {
  const { type, record } = (message ?? {}) as { readonly type?: unknown; readonly record?: Partial<ServiceRecord> };
  if (type !== 'micro:started' || record === undefined || record === null) return undefined;
  const { name, endpoints, nodes } = record;
  const [node] = Array.isArray(nodes) ? (nodes as ServiceRecord['nodes']) : [];
  if (typeof name !== 'string' || typeof node?.id !== 'string' || typeof node.address !== 'string') return undefined;
  return { name, node: node.id, address: node.address, endpoints: Array.isArray(endpoints) ? endpoints : [] };
}
