/** A flag of the app's own. */
export interface Flag {
  /** As written after `--`. */
  readonly name: string;
  readonly description: string;
  /** The environment variable that stands in for it. */
  readonly env?: string | undefined;
  readonly type: 'string' | 'number' | 'boolean' | 'list';
  readonly default?: string | number | boolean | readonly string[] | undefined;
}

/** What a flag may be given. */
export type FlagValue = string | number | boolean | readonly string[];

/**
 * The flags that were given, on the command line or in the environment, are its own properties. One of the app's own flags
 * that was not given reads as its default and is no own property, so a default never passes for something that was said.
 */
export type Flags = Readonly<Record<string, FlagValue | undefined>>;

/** Where flags are read from. */
export interface ParseOptions {
  /** Default: `process.argv` without its first two. */
  readonly argv?: readonly string[] | undefined;
  /** Default: `process.env`. */
  readonly env?: Readonly<Record<string, string | undefined>> | undefined;
}

/** Reads flags and environment. */
export interface Cmd {
  readonly name: string;
  /** Throws an error that names a flag that is unknown or has a bad value. */
  parse(options?: ParseOptions): Flags;
  /** The text of `--help`. */
  help(): string;
}
