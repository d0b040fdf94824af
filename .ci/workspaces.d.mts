/** The folder of the repository. */
export const ROOT: string;

/** What is looked at of a package.json. */
export interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly private?: boolean;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
}

/** A package of the repository: its folder and its package.json. */
export interface Workspace {
  readonly folder: string;
  readonly manifest: Manifest;
}

/** Every package of the repository, or of a copy of it. */
export function workspaces(root?: string): readonly Workspace[];
