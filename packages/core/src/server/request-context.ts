import type { Account } from '../contract/auth.ts';
import type { CallOptions, Context, Peer } from '../contract/context.ts';
import type { Message } from '../contract/message.ts';
import type { Metadata } from '../contract/metadata.ts';
import type { Socket } from '../contract/transport.ts';
import { CODE } from '../error/code.ts';
import { MicroError } from '../error/micro-error.ts';
import { now } from '../util/clock.ts';
import { forwardedMetadata, metadataFrom } from '../util/metadata.ts';

/** Who aborts contexts whose deadline has passed. */
export interface DeadlineWatch {
  add(ctx: RequestContext): void;
  delete(ctx: RequestContext): void;
}

/**
 * The context of one request on the side that serves it. A private class: one is made per request, and what few handlers
 * read (the signal, metadata) is made when it is read.
 */
export class RequestContext implements Context {
  readonly service: string;
  readonly endpoint: string;
  readonly deadline: number | undefined;
  account: Account | undefined;
  readonly #message: Message;
  readonly #socket: Socket;
  readonly #watch: DeadlineWatch;
  #metadata: Metadata | undefined;
  #controller: AbortController | undefined;

  constructor(
    service: string,
    endpoint: string,
    timeoutMs: number | undefined,
    message: Message,
    socket: Socket,
    watch: DeadlineWatch,
  ) {
    this.service = service;
    this.endpoint = endpoint;
    this.deadline = timeoutMs === undefined ? undefined : now() + timeoutMs;
    this.#message = message;
    this.#socket = socket;
    this.#watch = watch;
  }

  get peer(): Peer {
    return { address: this.#socket.remote };
  }

  get metadata(): Metadata {
    this.#metadata ??= metadataFrom(this.#message.header, this.#message.extra);
    return this.#metadata;
  }

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      this.#socket.onClose((reason) => this.abort(reason));
      if (this.deadline !== undefined) this.#watch.add(this);
    }
    return this.#controller.signal;
  }

  timeLeft(): number {
    return this.deadline === undefined ? Number.POSITIVE_INFINITY : Math.max(0, this.deadline - now());
  }

  forward(): CallOptions {
    return { signal: this.signal, deadline: this.deadline, metadata: forwardedMetadata(this.metadata) };
  }

  /** Tells whoever reads the signal that the work is not waited for any more. */
  abort(reason: Error): void {
    this.#controller?.abort(reason);
  }

  /** The deadline has passed. */
  expire(): void {
    this.abort(
      new MicroError({ id: this.service, code: CODE.timeout, detail: `the deadline of ${this.endpoint} has passed` }),
    );
  }

  /** The request is answered: nothing will abort any more. */
  finish(): void {
    if (this.#controller !== undefined && this.deadline !== undefined) this.#watch.delete(this);
  }
}
