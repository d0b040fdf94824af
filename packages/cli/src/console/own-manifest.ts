import { readFileSync } from 'node:fs';

/** What the program reads of its own `package.json`. */
export interface OwnManifest {
  readonly version: string;
  readonly engines: { readonly node: string };
  readonly dependencies: Readonly<Record<string, string>>;
  readonly devDependencies: Readonly<Record<string, string>>;
}

/** The `package.json` of this program, which is published with it. */
export function ownManifest(): OwnManifest {
  return JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
}
