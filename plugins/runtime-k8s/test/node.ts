import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { type TestKubernetes, testCertificates } from '@micro/test-servers';
import { ask, type Thing } from './ask.ts';
import { expand } from './expand.ts';

/**
 * A machine that runs Pods, as far as a runtime can see it: it binds each Pod to itself, runs the command of its container
 * as a process, writes the state of the Pod through the API as the kubelet does, and answers the API server's questions
 * for logs (`/containerLogs/<namespace>/<pod>/<container>`). Images are not looked at.
 */
export interface TestNode {
  close(): Promise<void>;
}

interface Entry {
  readonly stamp: string;
  readonly text: string;
}

interface Run {
  readonly lines: Entry[];
  readonly readers: Set<(entry: Entry | undefined) => void>;
  readonly startedAt: string;
  process: ChildProcess | undefined;
}

interface Pod {
  readonly namespace: string;
  readonly name: string;
  readonly spec: Thing;
  run: Run | undefined;
  previous: Run | undefined;
  restarts: number;
  isLeaving: boolean;
}

const LOOK_EVERY_MS = 100;

export async function startNode(kubernetes: TestKubernetes, nodeName = 'test-node'): Promise<TestNode> {
  const { cert, key } = testCertificates();
  const pods = new Map<string, Pod>();
  const server = createServer({ cert, key }, (request, response) => answer(pods, request, response));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  await ask(kubernetes, '/api/v1/nodes', { body: { metadata: { name: nodeName } } });
  await ask(kubernetes, `/api/v1/nodes/${nodeName}/status`, {
    method: 'PATCH',
    type: 'application/merge-patch+json',
    body: {
      status: {
        addresses: [{ type: 'InternalIP', address: '127.0.0.1' }],
        daemonEndpoints: { kubeletEndpoint: { Port: port } },
        conditions: [{ type: 'Ready', status: 'True' }],
      },
    },
  });
  const stopped = new AbortController();
  const running = watchPods(kubernetes, nodeName, pods, stopped.signal);
  return {
    async close() {
      stopped.abort();
      await running;
      for (const { run } of pods.values()) run?.process?.kill('SIGKILL');
      server.closeAllConnections();
      server.close();
    },
  };
}

async function watchPods(
  kubernetes: TestKubernetes,
  nodeName: string,
  pods: Map<string, Pod>,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    // The server may be down: that is what some tests are about.
    const { items } = (await ask(kubernetes, '/api/v1/pods').catch(() => ({ items: [] }))) as unknown as {
      items: readonly Thing[];
    };
    await Promise.all(items.map((item) => care(kubernetes, nodeName, pods, item, signal).catch(() => {})));
    await sleep(LOOK_EVERY_MS);
  }
}

async function care(
  kubernetes: TestKubernetes,
  nodeName: string,
  pods: Map<string, Pod>,
  item: Thing,
  signal: AbortSignal,
): Promise<void> {
  const { namespace, name, uid, deletionTimestamp } = item.metadata as unknown as Record<string, string>;
  const path = `/api/v1/namespaces/${namespace}/pods/${name}`;
  const known = pods.get(`${uid}`);
  if (deletionTimestamp !== undefined) {
    if (known?.isLeaving) return;
    if (known !== undefined) {
      known.isLeaving = true;
      await end(known, Number(item.spec?.terminationGracePeriodSeconds ?? 30));
    }
    const body = { apiVersion: 'v1', kind: 'DeleteOptions', gracePeriodSeconds: 0 };
    await ask(kubernetes, path, { method: 'DELETE', body });
    return;
  }
  // Some tests play the node themselves.
  const image = String(item.spec?.containers?.[0 as unknown as string]?.image);
  if (known !== undefined || image === 'by-hand') return;
  const pod: Pod = {
    namespace: `${namespace}`,
    name: `${name}`,
    spec: item.spec as Thing,
    run: undefined,
    previous: undefined,
    restarts: 0,
    isLeaving: false,
  };
  pods.set(`${uid}`, pod);
  await ask(kubernetes, `${path}/binding`, {
    body: { metadata: { name }, target: { apiVersion: 'v1', kind: 'Node', name: nodeName } },
  });
  void live(kubernetes, path, pod, signal).catch(() => {});
}

/** Runs the container again and again, as a Deployment has it, with pauses that grow. */
async function live(kubernetes: TestKubernetes, path: string, pod: Pod, signal: AbortSignal): Promise<void> {
  const write = (state: object, ready: boolean, lastState?: object): Promise<unknown> =>
    ask(kubernetes, `${path}/status`, {
      method: 'PATCH',
      type: 'application/strategic-merge-patch+json',
      body: { status: statusOf(pod, state, ready, lastState) },
    });
  let lastState: object | undefined;
  while (!signal.aborted && !pod.isLeaving) {
    const run: Run = { lines: [], readers: new Set(), startedAt: now(), process: undefined };
    pod.previous = pod.run;
    pod.run = run;
    const exited = execute(pod, run);
    await write({ running: { startedAt: run.startedAt } }, true, lastState);
    const exitCode = await exited;
    if (pod.isLeaving || signal.aborted) return;
    const terminated = {
      exitCode,
      reason: exitCode === 0 ? 'Completed' : 'Error',
      startedAt: run.startedAt,
      finishedAt: now(),
    };
    lastState = { terminated };
    const waiting = { reason: 'CrashLoopBackOff', message: 'back-off restarting failed container' };
    await write({ waiting }, false, lastState);
    await sleep(Math.min(5_000, 300 * 2 ** pod.restarts));
    pod.restarts += 1;
  }
}

function statusOf({ spec, restarts }: Pod, state: object, ready: boolean, lastState?: object): object {
  const { name, image } = (spec.containers as unknown as readonly Record<string, string>[])[0] ?? {};
  const status = ready ? 'True' : 'False';
  return {
    phase: 'Running',
    podIP: '127.0.0.1',
    conditions: [
      { type: 'Ready', status, lastTransitionTime: now() },
      { type: 'ContainersReady', status, lastTransitionTime: now() },
    ],
    containerStatuses: [
      {
        name,
        image,
        imageID: 'none',
        ready,
        started: ready,
        restartCount: restarts,
        state,
        lastState: lastState ?? {},
      },
    ],
  };
}

function execute({ spec }: Pod, run: Run): Promise<number> {
  const [container] = spec.containers as unknown as readonly {
    command?: readonly string[];
    args?: readonly string[];
    env?: readonly { name: string; value?: string }[];
  }[];
  const variables = new Map<string, string>();
  for (const { name, value = '' } of container?.env ?? []) variables.set(name, expand(value, variables));
  const [command = 'true', ...args] = [...(container?.command ?? []), ...(container?.args ?? [])].map((word) =>
    expand(word, variables),
  );
  const child = spawn(command, args, {
    env: { PATH: process.env.PATH, ...Object.fromEntries(variables) },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  run.process = child;
  const closed = new Promise<number>((resolve) => {
    child.on('error', () => resolve(127));
    child.on('close', (code, killed) => resolve(code ?? (killed === 'SIGKILL' ? 137 : 143)));
  });
  for (const stream of [child.stdout, child.stderr]) {
    createInterface({ input: stream }).on('line', (text) => {
      const entry = { stamp: now(), text };
      run.lines.push(entry);
      for (const read of run.readers) read(entry);
    });
  }
  return closed.then(async (code) => {
    // The last lines are read after the end of the streams.
    await sleep(20);
    for (const read of run.readers) read(undefined);
    return code;
  });
}

async function end({ run }: Pod, graceSeconds: number): Promise<void> {
  const child = run?.process;
  if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), graceSeconds * 1_000);
  await once(child, 'close');
  clearTimeout(timer);
}

/** As the kubelet answers: https://kubernetes.io/docs/reference/generated/kubernetes-api, `Pod`, `Log`. */
function answer(pods: ReadonlyMap<string, Pod>, request: IncomingMessage, response: ServerResponse): void {
  const { pathname, searchParams } = new URL(request.url ?? '', 'https://node');
  const [, kind, namespace, name] = pathname.split('/');
  const pod = [...pods.values()].findLast((one) => one.namespace === namespace && one.name === name);
  const run = searchParams.get('previous') === 'true' ? pod?.previous : pod?.run;
  if (kind !== 'containerLogs' || run === undefined) {
    response.writeHead(404).end(`container ${name} has no log`);
    return;
  }
  const write = ({ stamp, text }: Entry): void => {
    response.write(searchParams.get('timestamps') === 'true' ? `${stamp} ${text}\n` : `${text}\n`);
  };
  const since = searchParams.get('sinceTime');
  let lines = since === null ? run.lines : run.lines.filter(({ stamp }) => Date.parse(stamp) >= Date.parse(since));
  const tail = searchParams.get('tailLines');
  if (tail !== null) lines = Number(tail) === 0 ? [] : lines.slice(-Number(tail));
  response.writeHead(200, { 'content-type': 'text/plain' });
  response.flushHeaders();
  for (const line of lines) write(line);
  const hasEnded = run.process === undefined || run.process.exitCode !== null || run.process.signalCode !== null;
  if (searchParams.get('follow') !== 'true' || hasEnded) {
    response.end();
    return;
  }
  const read = (entry: Entry | undefined): void => {
    if (entry === undefined) response.end();
    else write(entry);
  };
  run.readers.add(read);
  response.on('close', () => run.readers.delete(read));
}

/** Now, as RFC 3339 with nanoseconds. */
function now(): string {
  const nanos = process.hrtime.bigint() % 1_000_000n;
  return new Date().toISOString().replace('Z', `${String(nanos).padStart(6, '0')}Z`);
}
