import { CODE, type Workload } from '@micro/core';
import { k8sError } from './k8s-error.ts';

/** What the objects of a workload are called, and what they are found by. */
export interface Names {
  /** The Deployment and the Service: `<name>-<version>`, as go-micro calls them. */
  readonly object: string;
  /** The container: the name without its version. */
  readonly container: string;
  readonly labels: { readonly name: string; readonly version: string; readonly micro: string };
}

/** The value of the label `micro` of everything that runs services, as in go-micro. */
export const TYPE = 'service';

/** The same that core's own runtime takes: nothing that could be a path or an option. */
const NAME = /^[A-Za-z0-9][A-Za-z0-9._+-]{0,127}$/;
/** A part of a host name, RFC 1123. */
const LABEL = /^[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?$/;
/** The same beginning with a letter, RFC 1035, which a Service demands. */
const SERVICE = /^[a-z](?:[-a-z0-9]{0,61}[a-z0-9])?$/;

/** A name as go-micro formats it: in lower case, with `-` for every `.`. */
export function formatName(name: string): string {
  return name.toLowerCase().replaceAll('.', '-');
}

/** How the objects of a workload are called. Throws 400 for names that no object can have. */
export function namesOf({ name, version }: Pick<Workload, 'name' | 'version'>): Names {
  const n = labelOf('name', name);
  const v = labelOf('version', version);
  const object = `${n}-${v}`;
  if (!SERVICE.test(object)) {
    const rule = 'a Service has at most 63 lower-case letters, digits and -, and begins with a letter';
    throw k8sError(CODE.badRequest, `${shown(name)} in version ${shown(version)} would be ${object}: ${rule}`);
  }
  return { object, container: n, labels: { name: n, version: v, micro: TYPE } };
}

/** The value of the label that a name or a version is found by. Throws 400 for one that cannot be one. */
export function labelOf(what: 'name' | 'version', value: unknown): string {
  if (typeof value === 'string' && NAME.test(value)) {
    const label = formatName(value);
    if (LABEL.test(label)) return label;
  }
  const rule = 'use up to 63 letters, digits, - and ., beginning and ending with a letter or digit';
  throw k8sError(CODE.badRequest, `${what} ${shown(value)} of a workload is not allowed on Kubernetes: ${rule}`);
}

/** A namespace as it was given. Throws 400 for what cannot be one; go-micro changes it until it fits, or fails later. */
export function checkNamespace(namespace: unknown): string {
  if (typeof namespace === 'string' && LABEL.test(namespace)) return namespace;
  const rule = 'use up to 63 lower-case letters, digits and -, beginning and ending with a letter or digit';
  throw k8sError(CODE.badRequest, `namespace ${shown(namespace)} is not allowed on Kubernetes: ${rule}`);
}

/** The selector for all workloads, those of a name, of a version, or one. */
export function selectorOf({
  name,
  version,
}: {
  readonly name?: string | undefined;
  readonly version?: string | undefined;
}): string {
  const terms = [`micro=${TYPE}`];
  if (name !== undefined) terms.push(`name=${labelOf('name', name)}`);
  if (version !== undefined) terms.push(`version=${labelOf('version', version)}`);
  return terms.join();
}

/** Foreign text inside an error: quoted, and not too much of it. */
export function shown(value: unknown): string {
  return JSON.stringify(String(value).slice(0, 80));
}
