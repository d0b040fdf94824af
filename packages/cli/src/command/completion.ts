import { Argument, Command } from 'commander';
import { SCRIPTS, SHELLS, type Shell } from '../completion/scripts.ts';
import type { Run } from '../session/tools.ts';

/** `micro completion`: what teaches a shell to complete. */
export function completionCommand(run: Run): Command {
  return new Command('completion')
    .summary('print what teaches a shell to complete')
    .description(
      'Prints a script that completes commands, flags, and the names of services and endpoints that are registered.',
    )
    .addArgument(new Argument('<shell>', 'which shell').choices(SHELLS))
    .addHelpText(
      'after',
      '\nbash:  source <(micro completion bash)\nzsh:   source <(micro completion zsh)\nfish:  micro completion fish | source',
    )
    .action((shell: Shell) =>
      run(async ({ output }) => {
        await output.value(SCRIPTS[shell], SCRIPTS[shell]);
        return undefined;
      }),
    );
}
