import { findProgram } from './find-program.ts';
import { findKubernetes, type KubernetesPrograms } from './kubernetes-programs.ts';

/** Servers that are looked for on this machine. */
export type ServerKind = 'etcd' | 'redis' | 'nats' | 'kubernetes';

/** Those that are one program from a package of Debian's. */
const PACKAGED = {
  etcd: { program: 'etcd', debian: 'etcd-server' },
  redis: { program: 'redis-server', debian: 'redis-server' },
  nats: { program: 'nats-server', debian: 'nats-server' },
} as const;

const NO_KUBERNETES =
  'there is no kube-apiserver: with Go 1.24 or newer, node packages/test-servers/install.mjs builds one';

/**
 * Why a server cannot be started on this machine; `undefined` when it can. With `CI` set every server is required, and it
 * throws that reason instead, so that no test is skipped there for want of one.
 */
export function missingServer(kind: ServerKind): string | undefined {
  if (kind !== 'kubernetes') return find(kind) === undefined ? required(absence(kind)) : undefined;
  // It keeps its data in an etcd.
  return missingServer('etcd') ?? (findKubernetes() === undefined ? required(NO_KUBERNETES) : undefined);
}

/** The path of a server. Throws when it is not installed. */
export function serverProgram(kind: keyof typeof PACKAGED): string {
  const path = find(kind);
  if (path === undefined) throw new Error(absence(kind));
  return path;
}

/** The paths of a Kubernetes control plane. Throws when there is none. */
export function kubernetesPrograms(): KubernetesPrograms {
  const programs = findKubernetes();
  if (programs === undefined) throw new Error(NO_KUBERNETES);
  return programs;
}

/** Hands a reason to skip on, or throws it where nothing may be skipped. */
export function required(reason: string): string {
  if ((process.env.CI ?? '') === '') return reason;
  throw new Error(`CI is set, so every server is required, but ${reason}`);
}

function find(kind: keyof typeof PACKAGED): string | undefined {
  return findProgram(PACKAGED[kind].program);
}

function absence(kind: keyof typeof PACKAGED): string {
  const { program, debian } = PACKAGED[kind];
  return `${program} is not installed; on Debian: apt-get install ${debian}`;
}
