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

/** The forms of one name, each as its place wants it. For `@acme/my-cool_svc` in `apps`: */
export interface Names {
  /** What the registry calls it, and images and manifests too: `my-cool-svc`. A DNS label. */
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

/** What the whole of a new project is made from; every text in it was checked. */
export interface Project {
  readonly kind: 'service' | 'client' | 'plugin';
  /** Whether its messages are described in a `.proto`. */
  readonly proto: boolean;
  readonly names: Names;
  readonly features: ReadonlySet<FeatureName>;
  /** The namespace of Kubernetes resources. */
  readonly namespace: string;
  /** `host[:port]` of PostgreSQL, for Kubernetes resources. */
  readonly postgresAddress: string;
  /** What it depends on of ours: that with which this program was published. Ranges, such as `^1.0.0`. */
  readonly versions: { readonly core: string; readonly cli: string };
}
