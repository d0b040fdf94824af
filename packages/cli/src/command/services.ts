import { Command } from 'commander';
import type { Run } from '../program/tools.ts';

/** `micro services`: who is registered. */
export function servicesCommand(run: Run): Command {
  return new Command('services')
    .summary('list the services in the registry')
    .description('Lists the names of all services in the registry, sorted.')
    .action(() =>
      run(async ({ session, output, signal, progress }) => {
        const { components } = await session();
        const { registry } = components;
        const names = await progress.during(`asking ${registry.name}`, () => registry.listServices({ signal }));
        await output.items(names, (name) => name);
      }),
    );
}
