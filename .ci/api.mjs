/*
 * Writes the reference of everything that the published packages hand out to docs/api, of their doc comments. Whatever
 * has none, and every link that leads nowhere, is a fault. Wants no build.
 */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { requireTool } from './tools.mjs';
import { ROOT, workspaces } from './workspaces.mjs';

const OUT = join(ROOT, 'docs/api');
const require = requireTool();
const { Application, Converter, ReflectionKind } = await import(pathToFileURL(require.resolve('typedoc')).href);

/** Each way into each package: what it is imported as, and the file that it is. */
const doors = workspaces()
  .filter(({ manifest }) => !manifest.private)
  .flatMap(({ folder, manifest: { name, exports = {} } }) =>
    Object.entries(exports)
      .filter(([, { types }]) => types !== undefined)
      .map(([path, { types }]) => ({
        specifier: `${name}${path.slice(1)}`,
        file: join(folder, types.replace(/^\.\/dist\//, 'src/').replace(/\.d\.ts$/, '.ts')),
      })),
  );

// One program of all sources, so that a plugin's types lead to those of core.
const tsconfig = join(ROOT, '.turbo/tsconfig.api.json');
const paths = Object.fromEntries(doors.map(({ specifier, file }) => [specifier, [file]]));
const compilerOptions = { noEmit: true, paths, types: ['node'], typeRoots: [join(ROOT, 'node_modules/@types')] };
mkdirSync(join(ROOT, '.turbo'), { recursive: true });
writeFileSync(
  tsconfig,
  JSON.stringify({ extends: '../tsconfig.base.json', compilerOptions, files: doors.map(({ file }) => file) }),
);
try {
  const app = await Application.bootstrap({
    name: 'micro',
    tsconfig,
    entryPoints: doors.map(({ file }) => file),
    readme: 'none',
    out: OUT,
    disableGit: true,
    sourceLinkTemplate: `${home()}/blob/main/{path}#L{line}`,
    excludePrivate: true,
    excludeInternal: true,
    excludeExternals: true,
    validation: { notExported: true, invalidLink: true, invalidPath: true, rewrittenLink: true, notDocumented: true },
    logLevel: 'Warn',
  });
  // A door is called what it is imported as, and not by its file.
  const names = new Map(doors.map(({ specifier, file }) => [file.replaceAll('\\', '/'), specifier]));
  app.converter.on(Converter.EVENT_CREATE_DECLARATION, (context, reflection) => {
    if (!reflection.kindOf(ReflectionKind.Module)) return;
    const file = context.getSymbolFromReflection(reflection)?.declarations?.[0]?.getSourceFile().fileName;
    reflection.name = names.get(file) ?? reflection.name;
  });
  const project = await app.convert();
  if (project === undefined) throw new Error('the sources do not compile: see above');
  app.validate(project);
  rmSync(OUT, { recursive: true, force: true });
  await app.generateOutputs(project);
  const { errorCount, warningCount } = app.logger;
  if (errorCount + warningCount > 0) process.exitCode = 1;
  console.log(`docs/api: ${doors.length} ways in, ${errorCount} errors, ${warningCount} warnings`);
} finally {
  rmSync(tsconfig, { force: true });
}

function home() {
  return require(join(ROOT, 'package.json'))
    .repository.url.replace(/^git\+/, '')
    .replace(/\.git$/, '');
}
