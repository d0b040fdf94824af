import { resolve } from 'node:path';
import { shellWord } from '../console/shell-word.ts';
import { commandsOf } from '../project/package-manager.ts';
import type { Tools } from '../session/tools.ts';
import { drawTree } from './draw-tree.ts';
import type { Project } from './project.ts';
import { renderProject } from './render-project.ts';
import { beginRepository, install } from './set-up.ts';
import { mustBeFree, writeTree } from './write-tree.ts';

/** What is to be done beside writing the files. */
export interface CreateOptions {
  readonly install: boolean;
  readonly git: boolean;
  /** Only shows what would be written. */
  readonly dryRun: boolean;
}

/**
 * Makes a project: writes its files, installs what it depends on, generates its code, begins a repository, and says how to go
 * on. Throws when the folder is taken; when something fails after the files were written they stay, and the error says how to go
 * on.
 */
export async function createProject(project: Project, options: CreateOptions, tools: Tools): Promise<void> {
  const { terminal, output, signal, progress, say } = tools;
  const { kind, names, packageManager } = project;
  const target = resolve(terminal.cwd, names.folder);
  await mustBeFree(target);
  const tree = renderProject(project);
  const drawn = drawTree(names.folder, tree.keys());
  const result = { kind, name: names.service, package: names.package, folder: target, files: [...tree.keys()] };
  if (options.dryRun) return output.value(result, drawn);

  say(`creating ${kind} ${names.service}`);
  await writeTree(target, tree, signal);
  say(`\n${indented(drawn)}\n`);

  const { install: installLine, run } = commandsOf(packageManager);
  const isGenerated = tree.has('buf.gen.yaml');
  const byHand = [installLine, ...(isGenerated ? [run('proto')] : [])];
  const place = { folder: target, env: terminal.env, signal };
  try {
    if (options.git && (await beginRepository(place))) say('began a git repository');
    if (options.install) {
      await progress.during(`installing with ${packageManager}`, () => install(packageManager, place));
      say(`installed with ${packageManager}`);
    }
    if (options.install && isGenerated) {
      const { generateProto } = await import('../proto/generate-proto.ts');
      await progress.during('generating code', () => generateProto(place));
      say('generated src/gen from proto');
    }
  } catch (error) {
    say(`\nthe files are written; to go on:\n\n${[enter(project), ...byHand].join('\n')}\n`);
    throw error;
  }
  say(`\nnext steps:\n\n${[enter(project), ...(options.install ? [] : byHand), ...trials(project)].join('\n')}\n`);
  if (output.format !== 'text') await output.value(result);
}

function enter({ names }: Project): string {
  return `cd ${shellWord(names.folder)}`;
}

/** How a new project is tried out. */
function trials({ kind, names, packageManager }: Project): readonly string[] {
  const { run, exec } = commandsOf(packageManager);
  if (kind === 'plugin') return [run('test')];
  if (kind === 'client') return [run('dev')];
  return [run('dev'), `${exec} call ${names.service} ${names.handler}.Call '{"name": "John"}'`];
}

function indented(text: string): string {
  return text.replaceAll(/^/gm, '  ');
}
