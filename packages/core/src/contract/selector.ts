import type { Node, ServiceRecord } from './registry.ts';

/** Keeps some of the records, or some of their nodes. */
export type Filter = (services: readonly ServiceRecord[]) => readonly ServiceRecord[];

/** Chooses one of at least one node. `inFlight` tells how many calls of this selector a node is busy with. */
export type Strategy = (nodes: readonly Node[], inFlight: (node: Node) => number) => Node;

/** What one selection may take. */
export interface SelectOptions {
  /** Applied in order. Reuse the same array: a selector remembers what it left of the records. */
  readonly filters?: readonly Filter[] | undefined;
  /** Default: the selector's own. */
  readonly strategy?: Strategy | undefined;
  /** Nodes that were tried already; they are chosen again only if there is no other. */
  readonly exclude?: readonly Node[] | undefined;
  /** Ends the wait for the registry. */
  readonly signal?: AbortSignal | undefined;
}

/** Chooses the node that a call goes to. */
export interface Selector {
  readonly name: string;
  /**
   * A node of the service, without a promise when the records are already known. Throws 404 when the service is not
   * registered and 503 when the filters left no node of it. Each selected node must be marked once.
   */
  select(service: string, options?: SelectOptions): Node | Promise<Node>;
  /**
   * Says how the attempt on a node went. An error that says that the node could not be reached sets it aside, whatever the
   * registry says, until it is tried again after a pause that grows.
   */
  mark(service: string, node: Node, error?: Error): void;
  /** Forgets what was learned about the nodes of a service. */
  reset(service: string): void;
  close(): Promise<void>;
}
