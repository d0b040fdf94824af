import type { Part } from '../part.ts';
import type { Project } from '../project.ts';

/** What the project of a plugin consists of. */
export function pluginParts(_project: Project): readonly Part[] {
  return [];
}
