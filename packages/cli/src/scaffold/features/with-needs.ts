import type { FeatureName } from '../project.ts';

/** What each feature cannot be without. A deployment has an image; what deploys has manifests. */
const NEEDS: Readonly<Record<FeatureName, readonly FeatureName[]>> = {
  docker: [],
  health: [],
  kubernetes: ['docker'],
  kustomize: ['docker'],
  skaffold: ['docker', 'kubernetes'],
  tilt: ['docker', 'kubernetes'],
  otel: [],
  postgres: [],
};

/** The features with all that they need. Kustomize has the manifests of Kubernetes in its own way, so it takes their place. */
export function withNeeds(features: Iterable<FeatureName>): ReadonlySet<FeatureName> {
  const all = new Set([...features].flatMap((feature) => [feature, ...NEEDS[feature]]));
  if (all.has('kustomize')) all.delete('kubernetes');
  return all;
}
