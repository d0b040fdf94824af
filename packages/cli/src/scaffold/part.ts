import type { Project } from './project.ts';

/** What `src/main.ts` of a service says beyond the usual, each a list of lines in the order in which they are written. */
export interface MainPart {
  readonly imports?: readonly string[];
  /** Statements before the service is made. */
  readonly before?: readonly string[];
  /** Properties of the options of the service, such as `store,`. */
  readonly options?: readonly string[];
  /** Statements after the handlers, before the service runs. */
  readonly after?: readonly string[];
}

/** A variable that the project reads. */
export interface Variable {
  readonly name: string;
  readonly value: string;
  /** What it is for, one line. */
  readonly about: string;
}

/**
 * What one part of a scaffold contributes. Parts are laid together into one tree; two parts that write the same file, or
 * want two versions of a dependency, are a mistake of ours and fail.
 */
export interface Part {
  /** Text by path, from the folder of the project, with `/` on every system. */
  readonly files?: Readonly<Record<string, string>>;
  readonly scripts?: Readonly<Record<string, string>>;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
  readonly main?: MainPart;
  /** For `.env.example`, and for whatever sets the environment of a container. */
  readonly variables?: readonly Variable[];
  /** Lines of `.gitignore` and `.dockerignore`. */
  readonly gitignore?: readonly string[];
  readonly dockerignore?: readonly string[];
  /** A section of the README, from its `## ` on. */
  readonly readme?: string;
}

/** Makes a part for a project. It only depends on what it is given, so that the same project is the same tree. */
export type MakePart = (project: Project) => Part;
