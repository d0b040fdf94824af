import type { MakePart } from '../part.ts';
import type { FeatureName } from '../project.ts';
import { dockerPart } from './docker.ts';
import { healthPart } from './health.ts';
import { kubernetesPart } from './kubernetes.ts';
import { kustomizePart } from './kustomize.ts';
import { otelPart } from './otel.ts';
import { postgresPart } from './postgres.ts';
import { skaffoldPart } from './skaffold.ts';
import { tiltPart } from './tilt.ts';

/** The part of each feature. */
export const FEATURE_PARTS: Readonly<Record<FeatureName, MakePart>> = {
  docker: dockerPart,
  health: healthPart,
  kubernetes: kubernetesPart,
  kustomize: kustomizePart,
  skaffold: skaffoldPart,
  tilt: tiltPart,
  otel: otelPart,
  postgres: postgresPart,
};
