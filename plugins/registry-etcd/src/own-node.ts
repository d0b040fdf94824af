import { CODE } from '@micro/core';
import { decodeRecord, inTurn, registryError } from '@micro/core/plugin';
import type { IKeyValue, IRequestOp } from 'etcd3';
import type { Asking, EtcdCalls } from './etcd-calls.ts';
import { isLeaseLost, statusOf } from './etcd-status.ts';

/** A node that this process registered, and what is known of its key. */
export interface OwnNode {
  readonly service: string;
  readonly id: string;
  readonly key: Buffer;
  /** Two writes to one key never overlap. */
  readonly turn: <T>(task: () => Promise<T>) => Promise<T>;
  /**
   * Writes a value, or finds that it stands there already, with a lease of so many seconds that begins anew; 0 is no lease.
   * Throws 409 when another node has the key.
   */
  place(value: Buffer, seconds: number, asking: Asking): Promise<void>;
  /** The same with the value that was placed last. */
  renew(seconds: number, asking: Asking): Promise<void>;
  /**
   * Writes it again where it is gone, for so many seconds; a lease that is there is not renewed. Returns the revision at
   * which it stood there.
   */
  restore(seconds: number, asking: Asking): Promise<number>;
  /** Removes the key, whoever wrote it, unless it is another node's, and ends the lease. */
  remove(asking: Asking): Promise<void>;
  /** Ends the lease, and with it the key unless somebody else has written it. Without a lease it stays. */
  release(asking: Asking): Promise<void>;
}

/** Nothing was written under that key. */
const NEVER = '0';
const NO_LEASE = '0';
/** A lease may end between being renewed and being used, and so may the next one. */
const TRIES = 3;

/**
 * One key with a lease of its own. Unlike go-micro's it never takes over the lease of a key that is there: a lease belongs
 * to the process that made it, and a key leaves the lease it had when it is written with another one.
 */
export function ownNode(service: string, id: string, key: Buffer, calls: EtcdCalls): OwnNode {
  let value: Buffer = Buffer.alloc(0);
  /** The last write of ours. */
  let modified = NEVER;
  let lease = NO_LEASE;
  let leaseSeconds = 0;
  /** The lease that the key was written with. */
  let writtenWith = NO_LEASE;

  const takeLease = async (seconds: number, renew: boolean, asking: Asking): Promise<void> => {
    if (lease !== NO_LEASE && renew && (leaseSeconds !== seconds || !(await calls.keepAlive(lease, asking)))) {
      lease = NO_LEASE;
    }
    if (lease !== NO_LEASE || seconds === 0) return;
    lease = await calls.grant(seconds, asking);
    leaseSeconds = seconds;
  };

  /** Writes the key, unless what is there is what we wrote. Returns the revision. */
  const write = async (next: Buffer, asking: Asking): Promise<number> => {
    const put: IRequestOp = { request_put: { key, value: next, lease } };
    const isThere = modified !== NEVER && lease === writtenWith && next.equals(value);
    const written = (revision: string): number => {
      [value, modified, writtenWith] = [next, revision, lease];
      return Number(revision);
    };
    const answer = await calls.transact(
      {
        compare: [{ key, target: 'Mod', result: 'Equal', mod_revision: modified }],
        success: isThere ? [] : [put],
        failure: [{ request_range: { key } }],
      },
      asking,
    );
    if (answer.succeeded) return isThere ? Number(answer.header.revision) : written(answer.header.revision);
    const [found] = answer.responses[0]?.response_range.kvs ?? [];
    if (found !== undefined) {
      if (isOther(found)) throw conflict(found);
      // Written by us, when the answer did not arrive.
      if (found.lease === lease && found.value.equals(next)) {
        written(found.mod_revision);
        return Number(answer.header.revision);
      }
    }
    const again = await calls.transact({ compare: [], success: [put], failure: [] }, asking);
    return written(again.header.revision);
  };

  /** `a/b` and `a-b` have one key. */
  const isOther = (found: IKeyValue): boolean => {
    const record = decodeRecord(found.value.toString());
    return record !== undefined && (record.name !== service || record.nodes.every((node) => node.id !== id));
  };

  const conflict = (found: IKeyValue): Error => {
    const record = decodeRecord(found.value.toString());
    const theirs = `${record?.nodes[0]?.id} of ${record?.name}`;
    const detail = `the node ${id} of ${service} would have the etcd key of the node ${theirs}; call one of them otherwise`;
    return registryError(CODE.conflict, detail);
  };

  const settle = async (next: Buffer, seconds: number, renew: boolean, asking: Asking): Promise<number> => {
    const before = lease;
    for (let tries = 1; ; tries++) {
      try {
        await takeLease(seconds, renew, asking);
        const revision = await write(next, asking);
        if (before !== NO_LEASE && before !== lease) await calls.revoke(before, asking);
        return revision;
      } catch (error) {
        if (!isLeaseLost(statusOf(error)) || tries === TRIES) throw error;
        lease = NO_LEASE;
      }
    }
  };

  const revoke = async (asking: Asking): Promise<void> => {
    const ended = lease;
    lease = NO_LEASE;
    modified = NEVER;
    if (ended !== NO_LEASE) await calls.revoke(ended, asking);
  };

  return {
    service,
    id,
    key,
    turn: inTurn(),

    async place(next, seconds, asking) {
      await settle(next, seconds, true, asking);
    },

    async renew(seconds, asking) {
      await settle(value, seconds, true, asking);
    },

    restore: (seconds, asking) => settle(value, seconds, false, asking),

    async remove(asking) {
      const read = { compare: [], success: [{ request_range: { key } }], failure: [] };
      const [found] = (await calls.transact(read, asking)).responses[0]?.response_range.kvs ?? [];
      if (found !== undefined && !isOther(found)) await calls.remove(key, asking);
      await revoke(asking);
    },

    release: revoke,
  };
}
