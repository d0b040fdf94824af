import type { Definition, Endpoint } from './definition.ts';
import type { Message } from './message.ts';

/**
 * One exchange: a unary call or a stream. How many exchanges share a connection is the transport's own business.
 *
 * The first message of a stream opens it and has no body of its own; the messages after it are the stream.
 */
export interface Socket {
  /** The address of this side. */
  readonly local: string;
  /** The address of the other side. */
  readonly remote: string;
  /** Sends a message. Returns a promise only when the sender has to wait for room; it resolves when there is some. */
  send(message: Message): void | Promise<void>;
  /**
   * Ends this direction, after a last message where one is given. A server that has ended has answered; a client that
   * has ended may go on receiving.
   */
  end(message?: Message): void | Promise<void>;
  /**
   * The next message, or `undefined` once the other side has ended. Returned as it is when it is already here. Throws a
   * `MicroError` when the exchange broke: 503 when the connection was refused or lost, 408 when the deadline passed, 499
   * when this side closed it. One receive at a time.
   */
  receive(): Message | undefined | Promise<Message | undefined>;
  /**
   * Gives the exchange up: the other side is told, what was not yet received is dropped. Does nothing once it is over, but
   * that a server which ends or closes one that broke says that it is no longer busy with it.
   */
  close(reason?: Error): void;
  /**
   * Calls back once when the exchange is over before both sides have ended: cancelled by the peer, lost with its
   * connection, or past its deadline. At once if that was already so. Each listener is called.
   */
  onClose(listener: (reason: Error) => void): void;
}

/** How to reach a peer. */
export interface DialOptions {
  /** The exchange is a stream, or a unary call (the default). */
  readonly stream?: boolean | undefined;
  /** What the registry says about the node; a transport finds there what the peer understands. */
  readonly metadata?: Readonly<Record<string, string>> | undefined;
  /** How long connecting may take, in milliseconds. Default 5,000; 0 is no limit of its own. */
  readonly connectTimeoutMs?: number | undefined;
  /** When the exchange fails with 408 unless it is over, in milliseconds since the epoch. Absent: never. */
  readonly deadline?: number | undefined;
  /** What is called, for a transport whose wire names methods or treats their kinds differently. Absent: not known. */
  readonly endpoint?: Endpoint | undefined;
}

/** A place where a server accepts exchanges. */
export interface Listener {
  /** The address that was bound, with the real port. */
  readonly address: string;
  /**
   * What a node's registry record should say so that peers know what this listener understands. A `protocol` or `server`
   * in it stands in place of the server's own, `mucp`.
   */
  readonly metadata: Readonly<Record<string, string>>;
  /** Tells peers to open nothing new here. What is open goes on. */
  drain(): void;
  /** Stops listening and ends every connection, with whatever is still open on it. */
  close(): Promise<void>;
}

/** A request that is HTTP but no call, as load balancers, Kubernetes and browsers send. */
export interface PlainRequest {
  /** In upper case, as it was sent. */
  readonly method: string;
  /** Without the query. */
  readonly path: string;
}

/** What a plain request is answered with. */
export interface PlainAnswer {
  readonly status: number;
  readonly contentType: string;
  readonly body: string;
}

/** What one listener may be told. */
export interface ListenOptions {
  /** The service that listens, as the registry knows it. */
  readonly name?: string | undefined;
  /**
   * Answers plain requests, where the transport's wire is HTTP; one that is not answered gets the transport's own refusal.
   * Must not throw.
   */
  readonly plain?: ((request: PlainRequest) => PlainAnswer | undefined) | undefined;
  /**
   * What is served, for a transport whose wire names methods: calls back with each service, those that are there at once
   * and others when they are added. An internal one is served and not shown.
   */
  readonly services?: ((each: (service: Definition, internal: boolean) => void) => void) | undefined;
  /** Whether who listens wants to be called now: it runs, is registered and does not drain. Must not throw. */
  readonly ready?: (() => boolean) | undefined;
}

/** Carries messages between two addresses. */
export interface Transport {
  readonly name: string;
  /**
   * Accepts exchanges at an address such as `:0`, `127.0.0.1:8080` or `host:9000-9010` (the first free port).
   * `accept` is called with each new exchange and must not throw.
   */
  listen(address: string, accept: (socket: Socket) => void, options?: ListenOptions): Promise<Listener>;
  /**
   * Opens an exchange. It returns at once: connecting goes on behind it, sends are queued, and a failure to connect is
   * what `receive` throws, with `unexecuted` set since nothing can have run.
   */
  dial(address: string, options?: DialOptions): Socket;
  /** Ends what the transport opened. Listeners are closed by who opened them. */
  close(): Promise<void>;
}
