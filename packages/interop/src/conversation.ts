/** One thing that happened on a connection. */
export interface Step {
  readonly from: 'client' | 'server';
  /**
   * What was written, one HTTP message at a time, as latin1 text: one character is one byte. `{{address}}` stands for the
   * `host:port` that was dialled.
   */
  readonly bytes: string;
}

/** What went over one connection. */
export interface Conversation {
  /** A sentence about what is to be seen here. */
  readonly about: string;
  readonly steps: readonly Step[];
  /** Who closed the connection, where that belongs to the matter. */
  readonly closedBy?: 'client' | 'server';
}

/** A file of `fixtures/`: conversations by name, and who took part. */
export interface Fixture {
  /** What wrote the bytes. Where the client is a script of ours, only what the server wrote is go-micro's. */
  readonly writers: { readonly client: 'go-micro v4.9.0' | 'script'; readonly server: 'go-micro v4.9.0' | 'script' };
  readonly conversations: Readonly<Record<string, Conversation>>;
}
