/** The folder in the cache for what these sources make. */
export declare function cachedFolder(): string;
/** Builds the two programs unless they are there. Answers why they are not there afterwards, or `undefined`. */
export declare function buildKubernetes(say?: (text: string) => void): string | undefined;
