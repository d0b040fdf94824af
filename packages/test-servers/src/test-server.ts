/** A server of a test's own: one process, on a free port of its own, with data that nobody else sees. */
export interface TestServer {
  /** `127.0.0.1`, or the address of its namespace. */
  readonly host: string;
  /** The port for clients. It stays the same for as long as the server is not closed. */
  readonly port: number;
  /** `host:port`. */
  readonly address: string;
  /** What a client is told, such as `redis://127.0.0.1:12345`. It names no password. */
  readonly url: string;
  /** Whether its process lives; a frozen one does. */
  readonly running: boolean;
  /** The id of its process; `undefined` while there is none. */
  readonly pid: number | undefined;
  /** SIGTERM, and SIGKILL when that has not ended it within 5 seconds. Thaws it first. Its data stay. */
  stop(): Promise<void>;
  /** SIGKILL. Resolves when the process is gone. Its data stay, as far as it has written them. */
  kill(): Promise<void>;
  /** Starts it again, on the same ports and data. Resolves when it answers; rejects with the end of its log when it does not. */
  start(options?: StartOptions): Promise<void>;
  /** `stop`, then `start`. */
  restart(options?: StartOptions): Promise<void>;
  /** SIGSTOP: it keeps its connections and takes new ones, and answers nothing. On return it stands still. */
  freeze(): void;
  /** SIGCONT. */
  thaw(): void;
  /** The last 16 KiB of what it has printed since it was made. */
  log(): string;
  /** Kills it, removes its data, and gives its ports back. Nothing can be done with it afterwards. */
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

export interface StartOptions {
  /** Removes all data first, as a machine would that was set up anew. Default `false`. */
  readonly wipe?: boolean | undefined;
}

/** Servers that make up one system. */
export interface TestServers<S extends TestServer = TestServer> {
  readonly servers: readonly S[];
  /** The `url` of each of them. */
  readonly urls: readonly string[];
  /** Kills all of them at once and removes their data: stopping one after the other would take seconds. */
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** Servers of which one leads. */
export interface TestCluster<S extends TestServer = TestServer> extends TestServers<S> {
  /** The one that leads, once a majority agrees about it. Rejects when that takes longer than 60 seconds. */
  leader(): Promise<S>;
  /** Those that run and do not lead. */
  followers(): Promise<readonly S[]>;
}

/** `true`: it shows the certificate of `testCertificates()`. `'mutual'`: it takes only clients that show one, too. */
export type ServerTls = boolean | 'mutual';
