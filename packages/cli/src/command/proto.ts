import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command } from 'commander';
import { EXIT } from '../console/exit-code.ts';
import type { Run, Tools } from '../session/tools.ts';

/** `micro proto`: generates the code of a project's `.proto` files. */
export function protoCommand(run: Run): Command {
  return new Command('proto')
    .summary('generate code from the .proto files of a project')
    .description(
      'Generates the code of a project from its .proto files, as its buf.gen.yaml says, with the buf and the plugins that ' +
        'it has installed. Works in any folder of the project.',
    )
    .option('--check', 'write nothing; fail when the generated code is not what the .proto files say', false)
    .action(({ check }: { readonly check: boolean }) => run((tools) => (check ? checkCode(tools) : writeCode(tools))));
}

async function writeCode({ terminal, signal, progress, say }: Tools): Promise<undefined> {
  const { generateProto } = await import('../proto/generate-proto.ts');
  const { cwd: folder, env } = terminal;
  const project = await progress.during('generating code', () => generateProto({ folder, env, signal }));
  say(`generated the code of ${project}`);
}

async function checkCode({ terminal, output, signal, progress, say }: Tools): Promise<number> {
  const { generateProto } = await import('../proto/generate-proto.ts');
  const { staleFiles } = await import('../proto/stale-files.ts');
  const { cwd: folder, env } = terminal;
  const into = await mkdtemp(join(tmpdir(), 'micro-proto-'));
  try {
    const project = await progress.during('generating code', () => generateProto({ folder, env, signal, into }));
    const stale = await staleFiles(project, into);
    await output.items(stale, (path) => path);
    if (stale.length === 0) return EXIT.ok;
    say('the files above are not what the .proto files say: run micro proto');
    return EXIT.failed;
  } finally {
    await rm(into, { recursive: true, force: true });
  }
}
