import type { CreateOptions, RuntimeReadOptions, Workload } from '../contract/runtime.ts';

/** A workload of our own, whatever its owner does to the one that was given. */
export function copy({ name, version, source, metadata }: Workload): Workload {
  return { name, version, ...(source === undefined ? {} : { source }), metadata: Object.freeze({ ...metadata }) };
}

/** What an update does not name stays as it was. */
export function merge(before: CreateOptions, given: CreateOptions): CreateOptions {
  const { command = before.command, env = before.env, retries = before.retries } = given;
  // Other arguments for the same command, or another command: that has its own.
  const args = given.args ?? (given.command === undefined ? before.args : undefined);
  return { command, args, env, retries };
}

/** Whether a workload is one of those that were asked for. */
export function isMeant(
  { name, version, namespace }: RuntimeReadOptions,
  itsNamespace: string,
  workload: Pick<Workload, 'name' | 'version'>,
): boolean {
  return (
    (name === undefined || name === workload.name) &&
    (version === undefined || version === workload.version) &&
    (namespace === undefined || namespace === itsNamespace)
  );
}
