import { clientParts } from './base/client.ts';
import { serviceParts } from './base/service.ts';
import { FEATURE_PARTS } from './features/index.ts';
import type { Part } from './part.ts';
import { pluginParts } from './plugin/index.ts';
import { FEATURES, type Project } from './project.ts';

/** What a project consists of, in the order in which READMEs and scripts list it. */
export function partsOf(project: Project): readonly Part[] {
  if (project.kind === 'plugin') return pluginParts(project);
  if (project.kind === 'client') return clientParts(project);
  const features = FEATURES.filter((feature) => project.features.has(feature));
  return [...serviceParts(project), ...features.flatMap((feature) => FEATURE_PARTS[feature]?.(project) ?? [])];
}
