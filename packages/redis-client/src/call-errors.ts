import { CODE, type MicroError } from '@micro/core';
import { abortError, shown } from '@micro/core/plugin';
import type { RedisClient } from './client-types.ts';
import { nodeOfKey } from './cluster-nodes.ts';
import type { ConnectionWatch, Refusal } from './connection-watch.ts';
import type { LinkOwner, RedisCall } from './link-types.ts';
import { codeOfReply, errorsOf, isElsewhere, textOf } from './redis-error.ts';

/** What an error says of a call. */
type Called = Pick<RedisCall<unknown>, 'verb' | 'key' | 'others'>;

/** What a call can end with instead of an outcome. Each names the key and the server. */
export interface CallErrors {
  /** The server cannot be reached: what was caught, or else why not. */
  unreachable(call: Called, why: unknown): MicroError;
  late(call: Called, timeoutMs: number): MicroError;
  /** The server wants no such client. */
  refused(call: Called, refusal: Refusal): MicroError;
  /** The server answered with an error. */
  answered(call: Called, cause: unknown): MicroError;
  tooMuch(call: Called, pendingBytes: number, maxPendingBytes: number): MicroError;
  cancelled(call: Called, reason: unknown): MicroError;
  /** A node of a cluster is missing. */
  missing(node: string): MicroError;
  closed(): MicroError;
}

/** The errors of the calls of one link. */
export function callErrors(
  client: RedisClient,
  owner: LinkOwner,
  connection: { readonly name: string; watch(): ConnectionWatch | undefined },
): CallErrors {
  const errorOf = errorsOf(owner.id);
  const { name, watch } = connection;

  const whereOf = ({ key }: Called): { readonly where: string; readonly trouble: string | undefined } => {
    const node = nodeOfKey(client, key);
    const where = watch()?.where() ?? name;
    return { where: node === undefined ? where : `node ${node} of ${where}`, trouble: watch()?.trouble(node) };
  };

  return {
    unreachable(call, why) {
      const { where, trouble } = whereOf(call);
      const detail = `${textOfCall(call)} failed: ${where} cannot be reached (${trouble ?? textOf(why)}); is it running?`;
      return errorOf(CODE.unavailable, detail, why instanceof Error ? why : undefined);
    },

    late(call, timeoutMs) {
      const { where, trouble } = whereOf(call);
      const why = trouble === undefined ? '' : ` (${trouble})`;
      return errorOf(
        CODE.timeout,
        `${textOfCall(call)} took longer than ${timeoutMs} ms: ${where} does not answer${why}`,
      );
    },

    refused: (call, { code, reason }) =>
      errorOf(code, `${textOfCall(call)} failed: ${whereOf(call).where} refuses this client: ${reason}`),

    answered(call, cause) {
      const hint = isElsewhere(cause) ? '; it is a node of a cluster: say so with the option cluster' : '';
      const detail = `${textOfCall(call)} failed: ${whereOf(call).where} answered: ${textOf(cause)}${hint}`;
      return errorOf(codeOfReply(cause), detail, cause);
    },

    tooMuch(call, pendingBytes, maxPendingBytes) {
      const detail = `${textOfCall(call)} failed: ${pendingBytes} bytes wait for ${whereOf(call).where}, and at most ${maxPendingBytes} may (maxPendingBytes); wait for earlier calls`;
      return errorOf(CODE.tooManyRequests, detail);
    },

    cancelled: (call, reason) => abortError(owner.id, textOfCall(call), reason),

    missing(node) {
      const why = watch()?.trouble(node) ?? 'it is not connected';
      const detail = `node ${node} of ${watch()?.where() ?? name} cannot be reached (${why}); is it running?`;
      return errorOf(CODE.unavailable, detail);
    },

    closed: () => errorOf(CODE.unavailable, `${owner.name} is closed; make another one`),
  };
}

function textOfCall({ verb, key, others = 0 }: Called): string {
  const more = others === 0 ? '' : ` and ${others} more`;
  return key === undefined ? verb : `${verb} ${shown(key)}${more}`;
}
