import type { Node } from '../contract/registry.ts';
import type { Selector } from '../contract/selector.ts';
import { CODE } from '../error/code.ts';
import { MicroError } from '../error/micro-error.ts';
import type { CallContext } from './call-context.ts';

/** The node for the next attempt: one of the addresses that the caller named, else what the selector chooses. */
export function pickNode(ctx: CallContext, selector: Selector): Node | Promise<Node> {
  ctx.phase = 'select';
  const { address, filters, strategy } = ctx.options;
  if (address !== undefined) return namedNode(address, ctx.tried);
  if (filters === undefined && strategy === undefined && ctx.tried === undefined) {
    const node = selector.select(ctx.service);
    return node instanceof Promise ? withinDeadline(node, ctx) : node;
  }
  const node = selector.select(ctx.service, { filters, strategy, exclude: ctx.tried, signal: ctx.options.signal });
  return node instanceof Promise ? withinDeadline(node, ctx) : node;
}

/** Whether a node was chosen by the selector and has to be marked. */
export function wasSelected(ctx: CallContext): boolean {
  return ctx.options.address === undefined;
}

function namedNode(address: string | readonly string[], tried: readonly Node[] | undefined): Node {
  const all = typeof address === 'string' ? [address] : address;
  const untried = all.filter((candidate) => tried?.some((node) => node.address === candidate) !== true);
  const candidates = untried.length > 0 ? untried : all;
  const chosen = candidates[Math.floor(Math.random() * candidates.length)];
  if (chosen === undefined)
    throw new MicroError({ code: CODE.badRequest, detail: 'the list of addresses to call is empty' });
  // As in go-micro, an address that the caller names is taken to speak mucp.
  return { id: chosen, address: chosen, metadata: NAMED };
}

const NAMED = Object.freeze({ protocol: 'mucp' });

/** The registry may take its time; the call has only so much. */
function withinDeadline(node: Promise<Node>, ctx: CallContext): Promise<Node> {
  const { deadline } = ctx;
  const { signal } = ctx.options;
  if (deadline === undefined && signal === undefined) return node;
  return new Promise((resolve, reject) => {
    const timer =
      deadline === undefined ? undefined : setTimeout(() => finish(() => reject(ctx.timedOut())), ctx.timeLeft());
    const abort = (): void => finish(() => reject(ctx.cancelled()));
    const finish = (settle: () => void): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', abort);
      settle();
    };
    signal?.addEventListener('abort', abort, { once: true });
    node.then(
      (value) => finish(() => resolve(value)),
      (error) => finish(() => reject(error)),
    );
  });
}
