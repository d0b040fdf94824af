import { type Command, InvalidArgumentError, Option } from 'commander';
import type { FeatureName } from '../project.ts';

/** go-micro's names of features. */
export const FEATURE_ALIASES: Readonly<Partial<Record<FeatureName, readonly string[]>>> = {
  otel: ['jaeger'],
  postgres: ['sqlc', 'tern'],
};

/** What the options of `clusterOptions` are when they are not given. */
export const CLUSTER_DEFAULTS = { namespace: 'default', postgresAddress: 'postgres.database.svc' } as const;

/** What was said about the cluster that a service runs in. */
export interface ClusterOptions {
  readonly namespace?: string;
  readonly postgresAddress?: string;
  /** As go-micro spells it. */
  readonly postgresaddress?: string;
}

/** Adds the options about the cluster that a service runs in. `before` is what counts before their defaults. */
export function clusterOptions(command: Command, before = ''): Command {
  const namespace = `${before}"${CLUSTER_DEFAULTS.namespace}"`;
  const postgresAddress = `${before}"${CLUSTER_DEFAULTS.postgresAddress}"`;
  return command
    .option('--namespace <name>', `namespace of Kubernetes resources (default: ${namespace})`, readNamespace)
    .option('--postgres-address <host>', `PostgreSQL as a Pod reaches it (default: ${postgresAddress})`, readAddress)
    .addOption(new Option('--postgresaddress <host>').argParser(readAddress).hideHelp());
}

/** Whether Kubernetes has a namespace of that name. */
export function isNamespace(text: string): boolean {
  return /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/.test(text);
}

/** Whether it is a name or an IPv4 address, with or without a port. */
export function isAddress(text: string): boolean {
  return /^[a-z0-9]([a-z0-9.-]{0,252})(:\d{1,5})?$/i.test(text);
}

function readNamespace(text: string): string {
  if (isNamespace(text)) return text;
  throw new InvalidArgumentError('A namespace has small letters, digits and -, at most 63 of them.');
}

function readAddress(text: string): string {
  if (isAddress(text)) return text;
  throw new InvalidArgumentError('It is a name or an IPv4 address, with or without a port.');
}
