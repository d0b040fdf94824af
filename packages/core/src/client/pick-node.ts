import type { Node } from '../contract/registry.ts';
import type { Selector } from '../contract/selector.ts';
import { CODE } from '../error/code.ts';
import { MicroError } from '../error/micro-error.ts';
import { onAbort } from '../util/on-abort.ts';
import { LONGEST_TIMER_MS } from '../util/timer.ts';
import type { CallContext } from './call-context.ts';

/** The node for the next attempt: one of the addresses that the caller named, else what the selector chooses. */
export function pickNode(ctx: CallContext, selector: Selector): Node | Promise<Node> {
  ctx.phase = 'select';
  const { address, filters, strategy } = ctx.options;
  if (address !== undefined) return namedNode(address, ctx.tried);
  if (filters === undefined && strategy === undefined && ctx.tried === undefined) {
    const node = selector.select(ctx.service);
    return node instanceof Promise ? withinDeadline(node, ctx, selector) : node;
  }
  const node = selector.select(ctx.service, { filters, strategy, exclude: ctx.tried, signal: ctx.options.signal });
  return node instanceof Promise ? withinDeadline(node, ctx, selector) : node;
}

function namedNode(address: string | readonly string[], tried: readonly Node[] | undefined): Node {
  const all = typeof address === 'string' ? [address] : address;
  const untried = all.filter((candidate) => tried?.some((node) => node.address === candidate) !== true);
  const candidates = untried.length > 0 ? untried : all;
  const chosen = candidates[Math.floor(Math.random() * candidates.length)];
  if (chosen === undefined) {
    const detail = 'the list of addresses to call is empty';
    throw new MicroError({ id: 'go.micro.client', code: CODE.badRequest, detail });
  }
  // As in go-micro, an address that the caller names is taken to speak mucp.
  return { id: chosen, address: chosen, metadata: NAMED };
}

const NAMED = Object.freeze({ protocol: 'mucp' });

/** The registry may take its time; the call has only so much. */
function withinDeadline(node: Promise<Node>, ctx: CallContext, selector: Selector): Promise<Node> {
  const { deadline } = ctx;
  const { signal } = ctx.options;
  if (deadline === undefined && signal === undefined) return node;
  return new Promise((resolve, reject) => {
    let gaveUp: MicroError | undefined;
    let offSignal: (() => void) | undefined;
    const detach = (): void => {
      clearTimeout(timer);
      offSignal?.();
    };
    const giveUp = (reason: MicroError): void => {
      detach();
      gaveUp = reason;
      reject(reason);
    };
    const wait = Math.min(ctx.timeLeft(), LONGEST_TIMER_MS);
    const timer = deadline === undefined ? undefined : setTimeout(() => giveUp(ctx.timedOut()), wait);
    if (signal !== undefined) offSignal = onAbort(signal, () => giveUp(ctx.cancelled()));
    node.then(
      (value) => {
        detach();
        // Whoever chose a node counts on hearing how it went.
        if (gaveUp !== undefined) selector.mark(ctx.service, value, gaveUp);
        else resolve(value);
      },
      (error) => {
        detach();
        reject(error);
      },
    );
  });
}
