import type { Project } from './project.ts';

/** The moments of a service's life at which a part may have something to do, as `createService` names them. */
export const HOOKS = ['beforeStart', 'afterStart', 'beforeStop', 'afterDrain', 'afterStop'] as const;

/** What `src/main.ts` of a service says beyond the usual, each a list of lines in the order in which they are written. */
export interface MainPart {
  /** Statements; those of packages come first, sorted. */
  readonly imports?: readonly string[];
  /** Statements before the service is made. */
  readonly before?: readonly string[];
  /** Properties of the options of the service, such as `tracer,`; not `server` and `hooks`, which several parts may want. */
  readonly options?: readonly string[];
  /** Properties of its `server` options, such as `maxStreams: 100,`. */
  readonly server?: readonly string[];
  /** Expressions of functions that throw while the service should not be found, such as `databaseAnswers`. */
  readonly checks?: readonly string[];
  /** Expressions of functions that run at a moment of its life, such as `() => pool.end()`. */
  readonly hooks?: { readonly [K in (typeof HOOKS)[number]]?: readonly string[] };
  /** Statements after the handlers, before the service runs. */
  readonly after?: readonly string[];
}

/** A variable that the project reads. */
export interface Variable {
  readonly name: string;
  /** What it is when nobody sets it, or an example; empty when there is none. */
  readonly value: string;
  /** What it is for, one line. */
  readonly about: string;
}

/**
 * What one part of a scaffold contributes. Parts are laid together into one tree (`renderProject`); two parts that write
 * the same file or the same script are a mistake of ours and fail.
 */
export interface Part {
  /**
   * Text by path, from the folder of the project, with `/` on every system. Not what is composed of all parts:
   * `package.json`, `README.md`, `.gitignore`, `.dockerignore`, `.env.example` and, of a service, `src/main.ts`.
   */
  readonly files?: Readonly<Record<string, string>>;
  readonly scripts?: Readonly<Record<string, string>>;
  /** Names of packages. Their versions are in our own `package.json`: see `versionOf`. */
  readonly dependencies?: readonly string[];
  readonly devDependencies?: readonly string[];
  readonly peerDependencies?: readonly string[];
  /** Other fields of `package.json`, such as `exports`. */
  readonly manifest?: Readonly<Record<string, unknown>>;
  readonly main?: MainPart;
  /** For `.env.example`, and for whatever sets the environment of a container. */
  readonly variables?: readonly Variable[];
  /** Lines of `.gitignore` and `.dockerignore`; without any line there is no such file. */
  readonly gitignore?: readonly string[];
  readonly dockerignore?: readonly string[];
  /** A section of the README, from its `## ` on; that of the first part begins with the `# ` of the page. */
  readonly readme?: string;
}

/** Makes a part for a project. It only depends on what it is given, so that the same project is the same tree. */
export type MakePart = (project: Project) => Part;
