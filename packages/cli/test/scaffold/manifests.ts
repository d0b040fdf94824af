import { parse } from 'yaml';
import type { Tree } from '../../src/scaffold/write-tree.ts';

/** A container, as far as tests look at it. */
export interface Container {
  readonly name: string;
  readonly image: string;
  readonly command?: readonly string[];
  readonly ports?: readonly { readonly name: string; readonly containerPort: number }[];
  readonly envFrom?: readonly { readonly configMapRef: { readonly name: string } }[];
  readonly env: readonly { readonly name: string; readonly value?: string }[];
  readonly startupProbe?: Probe;
  readonly livenessProbe?: Probe;
  readonly readinessProbe?: Probe;
  readonly securityContext: { readonly readOnlyRootFilesystem: boolean };
}

interface Probe {
  readonly httpGet: { readonly path: string; readonly port: string };
}

/** A resource of Kubernetes, as far as tests look at it. */
export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace: string };
  /** Of a ConfigMap. */
  readonly data: Readonly<Record<string, string>>;
  readonly spec: {
    readonly replicas: number;
    /** Of a Service. */
    readonly ports: readonly { readonly targetPort: string }[];
    readonly template: {
      readonly spec: {
        readonly serviceAccountName: string;
        readonly terminationGracePeriodSeconds: number;
        readonly initContainers?: readonly Container[];
        readonly containers: readonly Container[];
      };
    };
  };
}

/** The plain manifests of a tree. */
export function plainManifests(tree: Tree): readonly Manifest[] {
  return [...tree].filter(([path]) => path.startsWith('deploy/kubernetes/')).map(([, text]) => parse(text) as Manifest);
}

/** The one manifest of a kind. Throws when there is none, or a second one. */
export function theOnly(kind: string, manifests: readonly Manifest[]): Manifest {
  const [found, second] = manifests.filter((manifest) => manifest.kind === kind);
  if (found === undefined || second !== undefined) throw new Error(`there is not one ${kind}`);
  return found;
}
