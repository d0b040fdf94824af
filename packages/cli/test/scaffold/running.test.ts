import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { createService, memoryRegistry, silentLogger } from '@micro/core';
import { eventually, within } from '@micro/core/conformance';
import { DockerfileParser } from 'dockerfile-ast';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parse } from 'yaml';
import type { Tree } from '../../src/scaffold/write-tree.ts';
import { plainManifests, theOnly } from './manifests.ts';
import { type PostgresServer, startPostgres } from './postgres-server.ts';
import { serviceOf, writeInto } from './service-of.ts';
import { makeWorkspace, type Workspace } from './workspace.ts';

/** No program of a test runs longer. */
const DEADLINE_MS = 60_000;

let workspace: Workspace;
let tree: Tree;
let postgres: PostgresServer;
let collector: Server;
/** What was sent to the collector. */
const traces: string[] = [];
const running = new Set<ChildProcess>();

beforeAll(async () => {
  workspace = await makeWorkspace();
  tree = await serviceOf({ features: ['kubernetes', 'health', 'otel', 'postgres'] });
  await writeInto(workspace.folder, tree);
  await workspace.run('.', 'tsc', ['-p', 'tsconfig.build.json']);
  postgres = await startPostgres();
  collector = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request.setEncoding('latin1')) body += chunk;
    traces.push(`${request.url} ${body}`);
    response.end();
  }).listen(0, '127.0.0.1');
  await once(collector, 'listening');
});

afterAll(async () => {
  for (const child of running) child.kill('SIGKILL');
  collector?.close();
  await postgres?.close();
  await workspace?.remove();
});

test('a service that cannot reach its database lives and is not ready, and its container is healthy', async () => {
  const { address, ended } = await started({ PGHOST: '127.0.0.1', PGPORT: '1', PGUSER: 'nobody' });
  const statuses = await Promise.all(['live', 'ready'].map((path) => fetch(`http://${address}/health/${path}`)));
  expect(statuses.map(({ status }) => status)).toEqual([200, 503]);
  expect(await statuses[1]?.json()).toEqual({ status: 'registration withheld' });

  const port = address.split(':')[1] ?? '';
  const [program = '', ...args] = healthCheck().map((part) => part.replace(':8080/', `:${port}/`));
  expect(await exitCode(program, args)).toBe(0);
  expect(await ended('SIGTERM')).toBe(0);
  expect(await exitCode(program, args)).toBe(1);
});

test('a service is ready once its Pod has migrated the database, and traces of its calls are collected', async () => {
  const [migrate] = theOnly('Deployment', plainManifests(tree)).spec.template.spec.initContainers ?? [];
  const [program = '', ...args] = migrate?.command ?? [];
  for (const _ of ['the first Pod', 'another one']) expect(await exitCode(program, args, postgres.env)).toBe(0);

  const { port } = collector.address() as { port: number };
  const env = { ...postgres.env, OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${port}` };
  const { address, ended } = await started(env);
  await eventually(async () => expect((await fetch(`http://${address}/health/ready`)).status).toBe(200), {
    timeoutMs: DEADLINE_MS,
  });

  const caller = createService({ name: 'caller', registry: memoryRegistry(), logger: silentLogger() });
  const called = { service: 'helloworld', endpoint: 'Helloworld.Call', body: { name: 'John' } };
  expect(await caller.client.call(called, { address: [address] })).toEqual({ msg: 'Hello John' });
  await caller.stop();
  // What was not sent yet is sent before it ends.
  expect(await ended('SIGTERM')).toBe(0);
  expect(traces.map((sent) => sent.split(' ')[0])).toEqual(['/v1/traces']);
  expect(traces[0]).toContain('helloworld.Helloworld.Call');
});

// The last of all: nothing has a database afterwards.
test('a database that is gone takes the service out of the registry, and ends nothing', async () => {
  const { address, ended } = await started({ ...postgres.env, MICRO_REGISTER_INTERVAL: '1' });
  const ready = async (status: number) =>
    eventually(async () => expect((await fetch(`http://${address}/health/ready`)).status).toBe(status), {
      timeoutMs: DEADLINE_MS,
    });
  await ready(200);
  await postgres.close();
  await ready(503);
  expect(await ended('SIGTERM')).toBe(0);
});

/** Starts the built service; `ended` sends a signal and resolves with the exit code. */
async function started(env: NodeJS.ProcessEnv) {
  const child = start('node', ['--enable-source-maps', 'dist/main.js'], {
    ...{ MICRO_REGISTRY: 'memory', MICRO_SERVER_ADDRESS: '127.0.0.1:0', PGDATABASE: 'postgres' },
    ...env,
  });
  let log = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    log += text;
  });
  const address = await eventually(
    () => {
      const found = /listens on (127\.0\.0\.1:\d+)/.exec(log)?.[1];
      if (found === undefined) throw new Error(`the service has not started: ${log}`);
      return found;
    },
    { timeoutMs: DEADLINE_MS },
  );
  return {
    address,
    async ended(signal: NodeJS.Signals) {
      child.kill(signal);
      await within('the end of the service', once(child, 'close'), DEADLINE_MS);
      return child.exitCode;
    },
  };
}

async function exitCode(program: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<number | null> {
  const child = start(program, args, env);
  await within(program, once(child, 'close'), DEADLINE_MS);
  return child.exitCode;
}

function start(program: string, args: readonly string[], env: NodeJS.ProcessEnv): ChildProcess {
  const inherited = Object.entries(process.env).filter(([name]) => !/^(MICRO_|OTEL_|PG|NODE_OPTIONS$)/.test(name));
  const child = spawn(program, args, { cwd: workspace.folder, env: { ...Object.fromEntries(inherited), ...env } });
  running.add(child);
  child.once('close', () => running.delete(child));
  // Whoever writes more than a pipe holds waits for a reader.
  child.stdout.resume();
  child.stderr.resume();
  return child;
}

/** What the Dockerfile has Docker run to see whether a container is healthy. */
function healthCheck(): readonly string[] {
  const check = DockerfileParser.parse(tree.get('Dockerfile') ?? '')
    .getInstructions()
    .find((instruction) => instruction.getKeyword() === 'HEALTHCHECK');
  const [, command = ''] = /CMD (\[.*\])$/.exec(check?.getArgumentsContent() ?? '') ?? [];
  return parse(command);
}
