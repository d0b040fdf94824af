import type { PackageManager } from '../project/package-manager.ts';

/** What can be added to a service, by the name of its flag. */
export const FEATURES = [
  'docker',
  'health',
  'kubernetes',
  'kustomize',
  'skaffold',
  'tilt',
  'otel',
  'postgres',
] as const;
/** One of `FEATURES`. */
export type FeatureName = (typeof FEATURES)[number];

/** The kinds of plugins that there is a template for. */
export const PLUGIN_KINDS = ['registry', 'store', 'cache', 'broker', 'transport', 'auth'] as const;
/** One of `PLUGIN_KINDS`. */
export type TemplateKind = (typeof PLUGIN_KINDS)[number];

/** The forms of one name, each as its place wants it. For `@acme/my-cool_svc` in `apps`: */
export interface Names {
  /** What the registry calls it, and images and manifests too: `my-cool-svc`. A DNS label that begins with a letter. */
  readonly service: string;
  /** `@acme/my-cool_svc`. */
  readonly package: string;
  /** The handler, and the service of the `.proto`: `MyCoolSvc`. */
  readonly handler: string;
  /** The package of the `.proto`: `mycoolsvc`. */
  readonly proto: string;
  /** Where it is written, from the folder of the user: `apps/my-cool_svc`. Never outside of it. */
  readonly folder: string;
}

/** What a client calls. */
export interface Target {
  /** What the registry calls it. */
  readonly service: string;
  /** The name of the handler, as endpoints have it. */
  readonly handler: string;
  /** Its unary method that is called, as endpoints have it: `Call`. */
  readonly method: string;
  /** A request for it, as JSON. */
  readonly request: string;
  /** Its description, unless it has none. */
  readonly proto?: { readonly file: string; readonly text: string } | undefined;
}

/** What the whole of a new project is made from; every text in it was checked. */
export interface Project {
  readonly kind: 'service' | 'client' | 'plugin';
  readonly names: Names;
  /** Whether the messages of a service are described in a `.proto`. */
  readonly proto: boolean;
  /** What a service has beyond the usual; what one of them needs is in it too. */
  readonly features: ReadonlySet<FeatureName>;
  /** The namespace of Kubernetes resources. */
  readonly namespace: string;
  /** `host[:port]` of PostgreSQL, for Kubernetes resources. */
  readonly postgresAddress: string;
  readonly packageManager: PackageManager;
  /** Of a plugin. */
  readonly pluginKind?: TemplateKind | undefined;
  /** Of a client. */
  readonly target?: Target | undefined;
}
