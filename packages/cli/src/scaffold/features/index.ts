import type { MakePart } from '../part.ts';
import type { FeatureName } from '../project.ts';

/** The part of each feature. */
export const FEATURE_PARTS: Partial<Record<FeatureName, MakePart>> = {};
