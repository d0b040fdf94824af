import { CODE } from '@micro/core';
import { registryError } from '@micro/core/plugin';

/** A range of keys; without an end it is one key. */
export interface KeyRange {
  readonly key: Buffer;
  readonly rangeEnd: Buffer;
}

/** The keys of a registry: `<prefix><service>/<node>`. */
export interface RecordKeys {
  /** All keys of the registry. */
  readonly all: KeyRange;
  /** All keys of a service. `foo` never takes in `foobar`. */
  ofService(name: string): KeyRange;
  /** The key of a node. Throws 400 for names that no key can carry. */
  ofNode(service: string, id: string): Buffer;
  /** Whether a key is the one of that node, or of a node that has the same key. */
  isOf(key: Buffer, service: string, id: string): boolean;
}

/**
 * go-micro's keys, in which every `/` of a name is a `-`. Go cleans the path after that, so a service called `..` would
 * leave the prefix there; here such a name is refused.
 */
export function recordKeys(prefix: string): RecordKeys {
  const below = (start: string): KeyRange => {
    const key = Buffer.from(start);
    const rangeEnd = Buffer.from(key);
    // It ends in a slash, so the next one of the same length is the end.
    rangeEnd[rangeEnd.length - 1] = 0x30;
    return { key, rangeEnd };
  };
  const textOf = (service: string, id: string): string => `${prefix}${partOf(service)}/${partOf(id)}`;

  return {
    all: below(prefix),
    ofService: (name) => below(`${prefix}${partOf(name)}/`),
    ofNode(service, id) {
      checkPart('service', service);
      checkPart('node', id);
      return Buffer.from(textOf(service, id));
    },
    isOf: (key, service, id) => key.toString() === textOf(service, id),
  };
}

function partOf(name: string): string {
  return name.replaceAll('/', '-');
}

function checkPart(kind: string, name: string): void {
  if (name !== '' && name !== '.' && name !== '..' && !/\p{Surrogate}/u.test(name)) return;
  const shown = JSON.stringify(name);
  throw registryError(CODE.badRequest, `a ${kind} called ${shown} cannot be a part of an etcd key; call it otherwise`);
}
