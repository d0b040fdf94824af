import type { StandardSchemaV1 } from '@standard-schema/spec';

/** A tree of values, as JSON has them. */
export type ConfigValue = string | number | boolean | null | readonly ConfigValue[] | ConfigObject;
/** A part of the tree that has names in it. */
export interface ConfigObject {
  readonly [key: string]: ConfigValue;
}

/** One place that values come from. */
export interface ConfigSource {
  readonly name: string;
  read(options?: { readonly signal?: AbortSignal | undefined }): Promise<ConfigObject>;
  /**
   * Yields the whole tree as soon as it watches, so that no change falls between reading and watching, and then each time
   * it changed; a slow reader gets the newest. Throws when it cannot go on. Absent where the source never changes.
   */
  watch?(options: { readonly signal: AbortSignal }): AsyncIterable<ConfigObject>;
}

/** Reads a value as what it should be. The fallback stands in when it is absent; what cannot be read so is an error. */
export interface ConfigReader {
  readonly path: readonly string[];
  exists(): boolean;
  value(): ConfigValue | undefined;
  string(fallback?: string): string;
  number(fallback?: number): number;
  boolean(fallback?: boolean): boolean;
  /** Milliseconds; a number, or a Go duration such as `1m30s`. */
  durationMs(fallback?: number): number;
  list(fallback?: readonly string[]): readonly string[];
  object(fallback?: ConfigObject): ConfigObject;
  /** The value as a schema makes it; throws what the schema finds wrong, with the path. */
  scan<S extends StandardSchemaV1>(schema: S): Promise<StandardSchemaV1.InferOutput<S>>;
}

/** All values at one moment. */
export interface ConfigSnapshot {
  /** Grows by one with each change. */
  readonly version: number;
  readonly values: ConfigObject;
}

/** Values from several sources, the later ones over the earlier. */
export interface Config {
  readonly name: string;
  /** Adds sources, over those that are there. */
  load(...sources: ConfigSource[]): Promise<void>;
  get(...path: string[]): ConfigReader;
  /** In memory only; gone with the next change of a source. */
  set(value: ConfigValue, ...path: string[]): void;
  /** In memory only; gone with the next change of a source. */
  delete(...path: string[]): void;
  /** Reads every source again. */
  sync(): Promise<void>;
  /** Yields the value at a path each time it changed; a slow reader gets the newest and misses those before. */
  watch(path: readonly string[], options?: { readonly signal?: AbortSignal | undefined }): AsyncIterable<ConfigReader>;
  snapshot(): ConfigSnapshot;
  close(): Promise<void>;
}
