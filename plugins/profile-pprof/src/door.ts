import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { isIPv4 } from 'node:net';
import { CODE, MicroError } from '@micro/core';
import { bind, dialTarget, formatAddress, pause, reasonOf, within } from '@micro/core/plugin';
import { pprofError } from './pprof-error.ts';
import type { Recording } from './profilers.ts';
import type { Stacks } from './stacks.ts';

/** What the door opens onto. */
export interface DoorOptions {
  /** `host:port`, or `:port` on the loopback interface. */
  readonly address: string;
  /** How long a CPU profile may go on, in milliseconds; 0 is no limit. */
  readonly maxLiveMs: number;
  /** Begins a CPU profile; `undefined` where there are none. */
  readonly recordCpu: (() => Recording) | undefined;
  /** The heap profile of this moment, after a garbage collection if so wished; `undefined` where there is none. */
  readonly readHeap: ((collect: boolean) => Promise<Stacks>) | undefined;
  readonly encode: (stacks: Stacks) => Promise<Buffer>;
}

/** A small HTTP server with Go's addresses for live profiles. */
export interface Door {
  /** `host:port`, as it was bound. */
  readonly address: string;
  /** Whether only this machine can reach it. */
  readonly isLocal: boolean;
  /** Ends what goes on, and lets no more in. */
  close(): Promise<void>;
}

const ROOT = '/debug/pprof/';
/** What Go profiles when nobody says for how long. */
const DEFAULT_SECONDS = 30;
/** Who profiles is one person with one tool. */
const MAX_CONNECTIONS = 16;
/** A request has to arrive within this, and an answer has to be taken. */
const REQUEST_MS = 10_000;
/** Who is being answered when the door closes has so long to take it. */
const CLOSE_MS = 1_000;

/** What Go has and V8 has nothing for: whoever asks should learn that, and not look for a wrong address. */
const ONLY_IN_GO: ReadonlySet<string> = new Set([
  'allocs',
  'block',
  'goroutine',
  'mutex',
  'symbol',
  'threadcreate',
  'trace',
]);

const INDEX = `<!DOCTYPE html>
<html lang="en">
<head><meta charset="utf-8"><title>/debug/pprof/</title></head>
<body>
<p>Profiles of this process, for <code>go tool pprof</code>:</p>
<ul>
<li><a href="profile">profile</a>: what runs, for ?seconds=30</li>
<li><a href="heap">heap</a>: what is allocated and in use; ?gc=1 collects garbage before</li>
</ul>
</body>
</html>
`;

type Answer = { readonly type: string; readonly body: string | Buffer };

/** Opens the door. Throws 400 for an address that is none, and 409 for one that cannot be had. */
export async function openDoor({ address, maxLiveMs, recordCpu, readHeap, encode }: DoorOptions): Promise<Door> {
  // Without a host it is this machine's own, and not, as in Go, every interface.
  const { host } = dialTarget(address);
  const wanted = address.startsWith(':') ? formatAddress(host, address.slice(1)) : address;
  const isLocal = isLoopback(host);
  const life = new AbortController();
  const busy = new Set<string>();

  /** One at a time of each: a profile costs, and two at once would show each other. */
  const alone = async <T>(what: string, run: () => Promise<T>): Promise<T> => {
    if (busy.has(what)) throw refusal(CODE.tooManyRequests, `a ${what} is being made: one at a time`);
    busy.add(what);
    try {
      return await run();
    } finally {
      busy.delete(what);
    }
  };

  const profile = (query: URLSearchParams, gone: AbortSignal): Promise<Answer> => {
    if (recordCpu === undefined) throw refusal(CODE.notFound, 'cpuIntervalMs is 0: there are no CPU profiles here');
    const ms = secondsOf(query) * 1_000;
    if (maxLiveMs > 0 && ms > maxLiveMs) {
      throw refusal(CODE.badRequest, `seconds is ${query.get('seconds')}, which is more than ${maxLiveMs / 1_000}`);
    }
    return alone('profile', async () => {
      const end = AbortSignal.any([life.signal, gone]);
      const recording = recordCpu();
      try {
        await pause(ms, end);
        if (end.aborted) throw refusal(CODE.unavailable, 'the service stops');
        return { type: 'application/octet-stream', body: await encode(recording.end()) };
      } finally {
        recording.drop();
      }
    });
  };

  const heap = (query: URLSearchParams): Promise<Answer> => {
    if (readHeap === undefined) throw refusal(CODE.notFound, 'heapIntervalBytes is 0: there are no heap profiles here');
    const gc = query.get('gc') ?? '0';
    if (!/^\d+$/.test(gc)) throw refusal(CODE.badRequest, `gc is ${JSON.stringify(gc)}, not 0 or 1`);
    return alone('heap profile', async () => {
      const stacks = await readHeap(Number(gc) > 0);
      return { type: 'application/octet-stream', body: await encode(stacks) };
    });
  };

  const answer = async (request: IncomingMessage, gone: AbortSignal): Promise<Answer> => {
    refuseForeigners(request, isLocal);
    const { pathname, searchParams } = addressOf(request);
    if (request.method !== 'GET') throw refusal(CODE.methodNotAllowed, `${request.method} is not GET`);
    if (!pathname.startsWith(ROOT)) throw refusal(CODE.notFound, `there is only ${ROOT} here`);
    const name = pathname.slice(ROOT.length);
    const allowed = PARAMETERS.get(name);
    if (ONLY_IN_GO.has(name)) throw refusal(CODE.notFound, `${name} is a profile of Go that V8 has nothing for`);
    if (allowed === undefined) throw refusal(CODE.notFound, `there is no profile of that name: see ${ROOT}`);
    const odd = [...searchParams.keys()].find((key) => !allowed.includes(key));
    if (odd !== undefined) throw refusal(CODE.badRequest, `${JSON.stringify(odd.slice(0, 40))} means nothing here`);
    if (name === 'profile') return profile(searchParams, gone);
    if (name === 'heap') return heap(searchParams);
    return { type: 'text/html; charset=utf-8', body: INDEX };
  };

  const server = createServer(
    { requestTimeout: REQUEST_MS, headersTimeout: REQUEST_MS, keepAliveTimeout: 1_000 },
    (request, response) => {
      const gone = new AbortController();
      response.once('close', () => gone.abort());
      // What a body says is of no interest, but it has to go somewhere.
      request.resume();
      answer(request, gone.signal).then(
        (found) => send(response, 200, found),
        (error: unknown) => refuse(response, error),
      );
    },
  );
  server.maxConnections = MAX_CONNECTIONS;

  const bound = await bind(server, wanted).catch((cause: unknown) => {
    throw pprofError(
      cause instanceof MicroError ? cause.code : CODE.conflict,
      `the door for live profiles cannot be opened: ${reasonOf(cause)}`,
      cause,
    );
  });

  return {
    address: formatAddress(bound.address, bound.port),
    isLocal,
    async close() {
      life.abort();
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeIdleConnections();
      await within(CLOSE_MS, 'closing the door', () => closed).catch(() => server.closeAllConnections());
      await closed;
    },
  };
}

/** What may be asked for, and with which parameters. */
const PARAMETERS: ReadonlyMap<string, readonly string[]> = new Map([
  ['', []],
  ['profile', ['seconds']],
  ['heap', ['gc']],
]);

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIPv4(host) && host.startsWith('127.'));
}

/**
 * A page in a browser on this machine reaches the loopback interface too: it may neither ask (what it asks for says that
 * it comes from another site) nor read the answer by giving its own name this machine's address.
 */
function refuseForeigners({ headers }: IncomingMessage, isLocal: boolean): void {
  const site = headers['sec-fetch-site'];
  if (site !== undefined && site !== 'none' && site !== 'same-origin') {
    throw refusal(CODE.forbidden, 'pages of other sites may not ask for profiles');
  }
  const { host } = headers;
  if (!isLocal || host === undefined) return;
  const name = host.replace(/:\d+$/, '').replace(/^\[(.*)\]$/, '$1');
  if (!isLoopback(name)) throw refusal(CODE.forbidden, 'ask this machine by its own name: localhost or 127.0.0.1');
}

function addressOf({ url = '/' }: IncomingMessage): URL {
  if (URL.canParse(url, 'http://door')) return new URL(url, 'http://door');
  throw refusal(CODE.badRequest, `${JSON.stringify(url.slice(0, 100))} is no address: see ${ROOT}`);
}

function secondsOf(query: URLSearchParams): number {
  const text = query.get('seconds') ?? String(DEFAULT_SECONDS);
  const seconds = /^\d{1,7}(\.\d{1,3})?$/.test(text) ? Number(text) : 0;
  if (seconds > 0) return seconds;
  throw refusal(CODE.badRequest, `seconds is ${JSON.stringify(text.slice(0, 40))}, not a number above 0`);
}

function refusal(code: number, detail: string): Error {
  return pprofError(code, detail);
}

function send(
  response: ServerResponse,
  status: number,
  { type, body }: Answer,
  headers: Record<string, string> = {},
): void {
  response.setTimeout(REQUEST_MS, () => response.destroy());
  response.writeHead(status, {
    'content-type': type,
    'content-length': Buffer.byteLength(body),
    'x-content-type-options': 'nosniff',
    'cache-control': 'no-store',
    ...headers,
  });
  response.end(body);
}

function refuse(response: ServerResponse, error: unknown): void {
  const { code, detail } = MicroError.from(error);
  const status = code >= 400 && code < 600 ? code : CODE.internal;
  // With this header `go tool pprof` shows the text, as it does with Go's own.
  const headers = { 'x-go-pprof': '1', ...(status === CODE.methodNotAllowed ? { allow: 'GET' } : {}) };
  send(response, status, { type: 'text/plain; charset=utf-8', body: `${detail}\n` }, headers);
}
