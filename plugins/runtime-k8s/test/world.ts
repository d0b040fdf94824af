import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Logger, MicroError, Runtime } from '@micro/core';
import type { TestKubernetes } from '@micro/test-servers';
import { onTestFinished } from 'vitest';
import { type K8sRuntimeOptions, k8sRuntime } from '../src/index.ts';
import { ask, type Thing } from './ask.ts';

let namespaces = 0;

/** A namespace that nobody else uses. */
export async function freshNamespace(kubernetes: TestKubernetes): Promise<string> {
  const name = `test-${process.pid}-${namespaces++}`;
  await ask(kubernetes, '/api/v1/namespaces', { body: { metadata: { name } } });
  return name;
}

/** A file that goes when the test ends. */
export function fileOf(text: string, name = 'config'): string {
  const folder = mkdtempSync(join(tmpdir(), 'runtime-k8s-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, name);
  writeFileSync(file, text);
  return file;
}

/** A runtime that was started, and is stopped when the test ends. */
export async function startRuntime(
  kubernetes: TestKubernetes,
  { user = 'admin', ...options }: K8sRuntimeOptions & { user?: string } = {},
): Promise<Runtime> {
  const kubeconfig = fileOf(kubernetes.kubeconfig(user));
  const runtime = k8sRuntime({ kubeconfig, image: 'none', timeoutMs: 15_000, ...options });
  onTestFinished(() => runtime.stop());
  await runtime.start();
  return runtime;
}

/** What a promise is refused with. */
export async function refusal(promise: Promise<unknown>): Promise<MicroError> {
  return promise.then(
    () => {
      throw new Error('it should have been refused');
    },
    (error: MicroError) => error,
  );
}

/** A logger, and what was written to it. */
export function linesLogger(): { readonly logger: Logger; readonly lines: string[] } {
  const lines: string[] = [];
  const logger: Logger = {
    name: 'lines',
    enabled: () => true,
    log: (level, message, fields) =>
      lines.push(`${level} ${message}${fields === undefined ? '' : JSON.stringify(fields)}`),
    logf: () => {},
    fields: () => logger,
  };
  return { logger, lines };
}

export const deployments = (namespace: string): string => `/apis/apps/v1/namespaces/${namespace}/deployments`;
export const services = (namespace: string): string => `/api/v1/namespaces/${namespace}/services`;
export const pods = (namespace: string): string => `/api/v1/namespaces/${namespace}/pods`;

/** The objects of a collection. */
export async function list(kubernetes: TestKubernetes, path: string): Promise<readonly Thing[]> {
  return (await ask(kubernetes, path)).items as unknown as readonly Thing[];
}

/** The times that the README gives are printed with `MICRO_TIMES=1`. */
export function times(line: string): void {
  if (process.env.MICRO_TIMES === '1') process.stdout.write(`${line}\n`);
}
