import { at, listAt, textAt } from './json.ts';

/** Where a field is, in the notation of `managedFields`: `f:spec`, `k:{"name":"main"}`. */
export type FieldPath = readonly string[];

/** Who has set what of an object, as its `managedFields` say. */
export interface Owners {
  /** Whether this runtime has set the field or a part of it. */
  hasSet(path: FieldPath): boolean;
  /** Whether somebody else has, and this runtime has not. */
  isForeign(path: FieldPath): boolean;
}

/** Reads who owns the fields of an object. Parts with a life of their own (`status`, `scale`) count as somebody else. */
export function ownersOf(object: unknown, manager: string): Owners {
  const own: unknown[] = [];
  const foreign: unknown[] = [];
  for (const entry of listAt(object, 'metadata', 'managedFields')) {
    (isOwn(entry, manager) ? own : foreign).push(at(entry, 'fieldsV1'));
  }
  const has = (fields: readonly unknown[], path: FieldPath): boolean =>
    fields.some((tree) => at(tree, ...path) !== undefined);
  return {
    hasSet: (path) => has(own, path),
    isForeign: (path) => has(foreign, path) && !has(own, path),
  };
}

/**
 * What was created has its fields set by an update, in Kubernetes' words; a server-side apply of the same manager would
 * clash with that, and never take away what it does not name any more. This is the JSON patch that makes applied fields of
 * them, as kubectl does it; `undefined` when there are none.
 */
export function claimPatch(object: unknown, manager: string): readonly unknown[] | undefined {
  const entries = listAt(object, 'metadata', 'managedFields');
  const own = entries.filter((entry) => isOwn(entry, manager));
  const updated = own.filter((entry) => textAt(entry, 'operation') === 'Update');
  const [first] = updated;
  if (first === undefined) return undefined;
  const fieldsV1 = own.map((entry) => at(entry, 'fieldsV1')).reduce(mergeTrees);
  const claimed = { ...(first as object), operation: 'Apply', fieldsV1 };
  return [
    {
      op: 'replace',
      path: '/metadata/managedFields',
      value: [claimed, ...entries.filter((entry) => !own.includes(entry))],
    },
    // Refused when somebody was faster: then it is read and tried again.
    { op: 'replace', path: '/metadata/resourceVersion', value: textAt(object, 'metadata', 'resourceVersion') },
  ];
}

function isOwn(entry: unknown, manager: string): boolean {
  return textAt(entry, 'manager') === manager && (textAt(entry, 'subresource') ?? '') === '';
}

function mergeTrees(a: unknown, b: unknown): unknown {
  if (!isTree(a)) return b;
  if (!isTree(b)) return a;
  const names = new Set([...Object.keys(a), ...Object.keys(b)]);
  return Object.fromEntries([...names].map((name) => [name, mergeTrees(at(a, name), at(b, name))]));
}

function isTree(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}
