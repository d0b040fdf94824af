import { Command } from 'commander';
import { inParallel } from '../console/in-parallel.ts';
import { visible } from '../console/visible.ts';
import { listServices } from '../session/find-service.ts';
import type { Run } from '../session/tools.ts';
import { newestFirst } from '../view/newest-first.ts';
import { table } from '../view/table.ts';

interface Entry {
  readonly name: string;
  readonly versions: readonly { readonly version: string; readonly nodes: number }[];
}

/** `micro services`: who is registered. */
export function servicesCommand(run: Run): Command {
  return new Command('services')
    .summary('list the services in the registry')
    .description(
      'Lists the names of all services in the registry, sorted. As data, and with --wide, each with its versions and the number of their nodes.',
    )
    .option('--wide', 'versions and numbers of nodes too', false)
    .action(({ wide }: { readonly wide: boolean }) =>
      run(async ({ session, output, signal, progress }) => {
        const { components } = await session();
        const { registry } = components;
        const entries = await progress.during(`asking ${registry.name}`, async () => {
          const names = await listServices(components, signal);
          if (output.format === 'text' && !wide) return names.map((name): Entry => ({ name, versions: [] }));
          return inParallel(names, async (name): Promise<Entry> => {
            const records = newestFirst(await registry.getService(name, { signal }));
            return { name, versions: records.map(({ version, nodes }) => ({ version, nodes: nodes.length })) };
          });
        });
        if (output.format === 'text' && wide) {
          const rows = entries.flatMap(({ name, versions }) =>
            versions.map(({ version, nodes }) => [name, version, `${nodes} ${nodes === 1 ? 'node' : 'nodes'}`]),
          );
          if (rows.length > 0) await output.value(entries, table(rows));
        } else await output.items(entries, ({ name }) => visible(name));
        return undefined;
      }),
    );
}
