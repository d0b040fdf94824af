import { readFileSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { importsOf, PACKAGE, packageOf, sourceFiles } from './source.ts';

const manifest: {
  readonly dependencies?: Record<string, string>;
  readonly peerDependencies?: Record<string, string>;
} = JSON.parse(readFileSync(join(PACKAGE, 'package.json'), 'utf8'));

const declared = new Set([
  ...Object.keys(manifest.dependencies ?? {}),
  ...Object.keys(manifest.peerDependencies ?? {}),
]);

const bare = sourceFiles().flatMap((file) =>
  importsOf(file)
    .filter((specifier) => !specifier.startsWith('.'))
    .map((specifier) => ({ file: file.path, specifier })),
);

test('what is imported from outside is declared, and Node is named with node:', () => {
  const undeclared = bare
    .filter(({ specifier }) => !specifier.startsWith('node:') && !declared.has(packageOf(specifier)))
    .map(({ file, specifier }) =>
      isBuiltin(specifier) ? `${file} writes ${specifier} without node:` : `${file} imports ${specifier}, undeclared`,
    );
  expect(undeclared).toEqual([]);
});

test('what is declared is imported', () => {
  const used = new Set(bare.map(({ specifier }) => packageOf(specifier)));
  expect([...declared].filter((name) => !used.has(name))).toEqual([]);
});
