import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { Readable, Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import {
  bidiStream,
  type Codec,
  clientStream,
  defineService,
  initService,
  MicroError,
  type Service,
  serverStream,
  unary,
} from '@micro/core';
import { eventually, within } from '@micro/core/conformance';
import { freeUdpPort } from '@micro/test-servers';
import { Helloworld } from '../../../examples/helloworld/src/gen/helloworld_pb.ts';
import { micro } from '../src/index.ts';

/** The program as it is published. `npm test` builds it first. */
const MICRO = fileURLToPath(new URL('../dist/micro.js', import.meta.url));

/** No command of a test takes longer, also on a loaded machine. */
const DEADLINE_MS = 60_000;

export type Env = Readonly<Record<string, string | undefined>>;

/** How `micro` is started. */
export interface MicroOptions {
  /** Variables over those of this process, of which `MICRO_*` and what colours output are left out. */
  readonly env?: Env | undefined;
  /** Default: the folder of the tests. */
  readonly cwd?: string | undefined;
}

/** What `micro` did. */
export interface Ended {
  readonly stdout: string;
  readonly stderr: string;
  /** The exit code; `undefined` when a signal ended it. */
  readonly code: number | undefined;
}

/** A `micro` that runs. */
export interface Running {
  readonly child: ChildProcessWithoutNullStreams;
  /** What it has printed so far. */
  stdout(): string;
  stderr(): string;
  /** Waits until it has printed a text, which is on stdout or on stderr. */
  printed(text: string): Promise<void>;
  /** What it did, when it has ended by itself or by `signal`. Killed, and a failure, when that takes too long. */
  ended(signal?: NodeJS.Signals): Promise<Ended>;
}

/** Starts `micro` with these arguments, as a process of its own. */
export function startMicro(args: readonly string[], { env = {}, cwd }: MicroOptions = {}): Running {
  const child = spawn(process.execPath, [MICRO, ...args], {
    cwd: cwd ?? fileURLToPath(new URL('.', import.meta.url)),
    env: { ...plainEnv(), ...env },
  });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  // A command that does not read what it is given may have gone before all of it was written.
  child.stdin.on('error', () => {});
  const closed = once(child, 'close');
  return {
    child,
    stdout: () => stdout,
    stderr: () => stderr,
    printed: (text) =>
      eventually(
        () => {
          if (!stdout.includes(text) && !stderr.includes(text)) {
            throw new Error(`micro ${args.join(' ')} has not printed ${text}, but ${stdout}${stderr}`);
          }
        },
        { timeoutMs: DEADLINE_MS },
      ),
    async ended(signal) {
      if (signal !== undefined) child.kill(signal);
      try {
        await within(`micro ${args.join(' ')}`, closed, DEADLINE_MS);
      } finally {
        child.kill('SIGKILL');
      }
      return { stdout, stderr, code: child.exitCode ?? undefined };
    },
  };
}

/** Runs `micro` to its end. `input` is all of its stdin. */
export function runMicro(
  args: readonly string[],
  { input = '', ...options }: MicroOptions & { readonly input?: string | Uint8Array | undefined } = {},
): Promise<Ended> {
  const running = startMicro(args, options);
  running.child.stdin.end(input);
  return running.ended();
}

/**
 * The same within this process, from the sources and in a third of the time: for what is no matter of processes, signals
 * and pipes.
 */
export async function runHere(
  args: readonly string[],
  { env = {}, cwd, input = '' }: MicroOptions & { readonly input?: string | Uint8Array | undefined } = {},
): Promise<Ended> {
  const texts = { stdout: '', stderr: '' };
  const collect = (name: keyof typeof texts): Writable =>
    new Writable({
      write(chunk, _, done) {
        texts[name] += chunk;
        done();
      },
    });
  const terminal = {
    stdin: Readable.from(input.length === 0 ? [] : [Buffer.from(input)], { objectMode: false }),
    stdout: collect('stdout'),
    stderr: collect('stderr'),
    env,
    cwd: cwd ?? fileURLToPath(new URL('.', import.meta.url)),
  };
  const code = await within(`micro ${args.join(' ')}`, micro(args, terminal), DEADLINE_MS);
  return { ...texts, code };
}

/** The variables of this process, without those that say how micro is to behave. */
function plainEnv(): Env {
  const ours = /^(MICRO_|NO_COLOR$|FORCE_COLOR$|NODE_OPTIONS$|VITEST|NODE_ENV$)/;
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !ours.test(name)));
}

/** Variables with which processes find each other by mDNS on this machine, and nobody else does. */
export async function privateMdns(): Promise<Record<string, string>> {
  return { MICRO_REGISTRY_ADDRESS: `127.0.0.1:${await freeUdpPort()}` };
}

/** What services in tests can do beside `Helloworld`. Messages are any JSON objects. */
const Echo = defineService('Echo', {
  say: unary<object, object>(),
  headers: unary<object, object>(),
  fail: unary<{ code: number; detail: string }, object>(),
  hang: unary<object, object>(),
  swallow: clientStream<object, object>(),
  forever: serverStream<object, { tick: number }>(),
  talk: bidiStream<object, object>(),
});

/** A real service in this process. */
export interface TestService {
  readonly service: Service;
  /** `host:port`, for `--address`. */
  readonly address: string;
  /** The variables that lead to it. */
  readonly env: Env;
  /** The endpoints of calls that were cancelled by whoever made them. */
  readonly cancelled: readonly string[];
  /** Waits until an endpoint that goes on for ever is being called. */
  called(endpoint: 'Echo.Hang' | 'Echo.Forever'): Promise<void>;
}

/** What a service in a test may be given. */
export interface TestServiceOptions {
  /** Variables that say what it runs on. Default: mDNS on a port of its own. */
  readonly env?: Env | undefined;
  /** Default `helloworld`. */
  readonly name?: string | undefined;
  readonly version?: string | undefined;
  /** In place of those of core. */
  readonly codecs?: readonly Codec[] | undefined;
}

/**
 * Starts `helloworld` with the four kinds of endpoints of `Helloworld`, and with `Echo`: `Say` answers what it is told,
 * `Headers` what was beside the request, `Fail` with an error, `Hang` and `Swallow` never; `Forever` ticks and `Talk` says it back. Stop
 * its `service` in the end.
 */
export async function startHelloworld(options: TestServiceOptions = {}): Promise<TestService> {
  const { name = 'helloworld', version, codecs, env = await privateMdns() } = options;
  const cancelled: string[] = [];
  const running = new Set<string>();
  const service = await initService(
    { name, version, codecs, server: { address: '127.0.0.1:0' } },
    { argv: ['--log_level', 'fatal'], env },
  );
  service.server.handle(Helloworld, {
    async call(request) {
      return { msg: `Hello ${request.name}` };
    },
    async clientStream(requests) {
      let count = 0n;
      for await (const { stroke } of requests) count += stroke;
      return { count };
    },
    async *serverStream(request) {
      for (let count = 0n; count < request.count; count++) yield { count };
    },
    async *bidiStream(requests) {
      for await (const { stroke } of requests) yield { stroke };
    },
  });
  service.server.handle(Echo, {
    say: async (request) => request,
    headers: async (_, ctx) => Object.fromEntries(ctx.metadata),
    async fail({ code, detail }) {
      throw new MicroError({ id: name, code, detail });
    },
    async hang(_, ctx) {
      running.add(ctx.endpoint);
      await once(ctx.signal, 'abort');
      running.delete(ctx.endpoint);
      cancelled.push(ctx.endpoint);
      return {};
    },
    async swallow(_, ctx) {
      await once(ctx.signal, 'abort');
      cancelled.push(ctx.endpoint);
      return {};
    },
    async *forever(_, ctx) {
      running.add(ctx.endpoint);
      try {
        for (let tick = 0; ; tick++) yield { tick };
      } finally {
        running.delete(ctx.endpoint);
        cancelled.push(ctx.endpoint);
      }
    },
    async *talk(requests) {
      yield* requests;
    },
  });
  await service.start();
  return {
    service,
    address: service.server.address ?? '',
    env,
    cancelled,
    called: (endpoint) =>
      eventually(
        () => {
          if (!running.has(endpoint)) throw new Error(`${endpoint} is not called`);
        },
        { timeoutMs: DEADLINE_MS },
      ),
  };
}
