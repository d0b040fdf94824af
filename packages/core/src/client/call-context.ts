import type { Account } from '../contract/auth.ts';
import type { Codec } from '../contract/codec.ts';
import type { CallOptions, Context, Peer } from '../contract/context.ts';
import type { Metadata } from '../contract/metadata.ts';
import type { Node } from '../contract/registry.ts';
import { CODE } from '../error/code.ts';
import { MicroError } from '../error/micro-error.ts';
import { now } from '../util/clock.ts';
import { createMetadata } from '../util/metadata.ts';
import { LONGEST_TIMER_MS } from '../util/timer.ts';
import type { Target } from './target.ts';

/**
 * The context of one call on the side that makes it. A private class: one is made per call, and what few callers read (the
 * signal, metadata) is made when it is read.
 */
export class CallContext implements Context {
  readonly target: Target;
  readonly options: CallOptions;
  readonly startedAt: number;
  readonly deadline: number | undefined;
  /** What the caller waits for in all, as the header says it; `undefined` when the deadline is somebody else's. */
  readonly timeoutMs: number | undefined;
  account: Account | undefined;
  /** Attempts begun so far. */
  attempts = 0;
  /** The codec of the newest attempt: an old node may want another one. */
  codec: Codec;
  /** The node of the newest attempt. */
  node: Node | undefined;
  /** Nodes that failed, not to be chosen again while there are others. */
  tried: Node[] | undefined;
  /** What the call is busy with, for the error that says where the time went. */
  phase: 'select' | 'wait' | 'back off' = 'select';
  #metadata: Metadata | undefined;
  #signal: AbortSignal | undefined;

  constructor(target: Target, options: CallOptions, timeoutMs: number) {
    this.target = target;
    this.codec = target.codec;
    this.options = options;
    this.startedAt = now();
    const own = timeoutMs > 0 ? this.startedAt + timeoutMs : undefined;
    const given = options.deadline;
    if (given !== undefined && (own === undefined || given < own)) {
      this.deadline = given;
      this.timeoutMs = undefined;
    } else {
      this.deadline = own;
      this.timeoutMs = own === undefined ? undefined : timeoutMs;
    }
  }

  get service(): string {
    return this.target.service;
  }

  get endpoint(): string {
    return this.target.endpoint.name;
  }

  get peer(): Peer | undefined {
    return this.node === undefined ? undefined : { address: this.node.address, node: this.node.id };
  }

  get metadata(): Metadata {
    this.#metadata ??= createMetadata(this.options.metadata);
    return this.#metadata;
  }

  /** The metadata, where anybody has given or read any. */
  get givenMetadata(): Metadata | undefined {
    return this.#metadata ?? (this.options.metadata === undefined ? undefined : this.metadata);
  }

  get signal(): AbortSignal {
    if (this.#signal === undefined) {
      const signals = this.options.signal === undefined ? [] : [this.options.signal];
      const left = Math.ceil(this.timeLeft());
      // The exchange keeps to a later deadline all the same.
      if (left <= LONGEST_TIMER_MS) signals.push(AbortSignal.timeout(left));
      this.#signal = AbortSignal.any(signals);
    }
    return this.#signal;
  }

  timeLeft(): number {
    return this.deadline === undefined ? Number.POSITIVE_INFINITY : Math.max(0, this.deadline - now());
  }

  forward(): CallOptions {
    return { signal: this.options.signal, deadline: this.deadline, metadata: this.metadata };
  }

  /** What a call whose time ran out fails with: it says where the time went. */
  timedOut(cause?: unknown): MicroError {
    const elapsed = Math.round(now() - this.startedAt);
    const limit = this.deadline === undefined ? 'none' : `${Math.round(this.deadline - this.startedAt)} ms`;
    const where = this.node === undefined ? '' : ` at ${this.node.id} (${this.node.address})`;
    const whose = this.timeoutMs === undefined && this.deadline !== undefined ? ' set by the caller above' : '';
    return new MicroError({
      id: 'go.micro.client',
      code: CODE.timeout,
      detail: `call timeout: ${this.service} ${this.endpoint} took ${elapsed} ms of ${limit}${whose}, in phase ${this.phase}${where}, attempt ${Math.max(1, this.attempts)}`,
      cause,
    });
  }

  /** What a call that its caller cancelled fails with. */
  cancelled(): MicroError {
    return new MicroError({
      id: 'go.micro.client',
      code: CODE.cancelled,
      detail: `call cancelled: ${this.service} ${this.endpoint}`,
      cause: this.options.signal?.reason,
    });
  }
}

/** Call options from what a caller passed: options as they are, a context as what it forwards. */
export function callOptions(given: CallOptions | Context | undefined): CallOptions {
  if (given === undefined) return NO_OPTIONS;
  return 'forward' in given ? given.forward() : given;
}

const NO_OPTIONS: CallOptions = Object.freeze({});
