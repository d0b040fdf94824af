import { ownManifest } from '../console/own-manifest.ts';

/** Each version of the generator has options and output of its own. */
const EXACT: ReadonlySet<string> = new Set(['@bufbuild/protoc-gen-es']);

/**
 * The range in which a new project depends on a package. What scaffolds depend on stands among the dependencies of our own
 * `package.json`, so that it is updated there, and our tests try the very versions that users get. Throws for a package
 * that does not stand there: a mistake of ours.
 */
export function versionOf(name: string): string {
  const { version, dependencies, devDependencies } = ownManifest();
  if (name === '@micro/cli') return `^${version}`;
  const range = dependencies[name] ?? devDependencies[name];
  if (range === undefined) throw new Error(`package.json of @micro/cli does not say which version of ${name} is used`);
  return /^\d/.test(range) && !EXACT.has(name) ? `^${range}` : range;
}
