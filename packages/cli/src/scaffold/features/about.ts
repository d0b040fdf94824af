import type { FeatureName } from '../project.ts';

/** What each feature adds, in a few words. */
export const FEATURE_ABOUT: Readonly<Record<FeatureName, string>> = {
  docker: 'an image',
  health: 'a check of your own that decides whether it is ready',
  kubernetes: 'manifests of Kubernetes',
  kustomize: 'manifests as bases and overlays of Kustomize',
  skaffold: 'development in a cluster with Skaffold',
  tilt: 'development in a cluster with Tilt',
  otel: 'traces by OpenTelemetry',
  postgres: 'a database: PostgreSQL with migrations',
};
