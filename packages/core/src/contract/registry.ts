/** The shape of a message as the registry tells it: a name, a type, and the fields in it. */
export interface Value {
  readonly name: string;
  readonly type: string;
  readonly values: readonly Value[];
}

/** One method of a registered service. */
export interface RegisteredEndpoint {
  readonly name: string;
  readonly request?: Value | undefined;
  readonly response?: Value | undefined;
  readonly metadata: Readonly<Record<string, string>>;
}

/** One running instance. */
export interface Node {
  /** Unique among all instances: `<service>-<id>`. */
  readonly id: string;
  /** `host:port` that others can reach. */
  readonly address: string;
  /** What others need to know to talk to it: `protocol`, `transport`, and what the user adds. */
  readonly metadata: Readonly<Record<string, string>>;
}

/** One version of a service and where it runs. Never changed after it was handed out. */
export interface ServiceRecord {
  readonly name: string;
  readonly version: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly endpoints: readonly RegisteredEndpoint[];
  readonly nodes: readonly Node[];
}

/** Something changed. `service` has the nodes it is about: those that came or changed, or those that are gone. */
export interface RegistryEvent {
  readonly action: 'create' | 'update' | 'delete';
  readonly service: ServiceRecord;
}

/** What a question to the registry may take. */
export interface RegistryCallOptions {
  /** Ends the wait. Every registry has a deadline of its own besides. */
  readonly signal?: AbortSignal | undefined;
}

/** What one registration may take. */
export interface RegisterOptions extends RegistryCallOptions {
  /** How long the record lives without being renewed, in milliseconds. Default: the registry's own; 0 is for ever. */
  readonly ttlMs?: number | undefined;
}

/** What one watch may take. */
export interface WatchOptions extends RegistryCallOptions {
  /** Only events of this service. Default: of all. */
  readonly service?: string | undefined;
}

/** Knows which services run where. */
export interface Registry {
  readonly name: string;
  /** Adds or renews the nodes of a record. A known node id with a new address or metadata replaces the old one. */
  register(service: ServiceRecord, options?: RegisterOptions): Promise<void>;
  /** Removes the nodes of a record. Nothing happens for nodes that are not there. */
  deregister(service: ServiceRecord, options?: RegistryCallOptions): Promise<void>;
  /**
   * One record per version that runs, `[]` when nobody is registered. Only a decorator that remembers may answer without
   * a promise, and it answers with the same array as long as nothing changed.
   */
  getService(name: string, options?: RegistryCallOptions): readonly ServiceRecord[] | Promise<readonly ServiceRecord[]>;
  /** The names of all registered services, sorted. */
  listServices(options?: RegistryCallOptions): Promise<readonly string[]>;
  /** Changes from now on, until the signal aborts or the iteration is left. A registry that cannot go on throws. */
  watch(options?: WatchOptions): AsyncIterable<RegistryEvent>;
  /** Ends watches, timers and connections that the registry opened. */
  close(): Promise<void>;
}
