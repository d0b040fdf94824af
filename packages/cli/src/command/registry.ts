import type { RegistryEvent } from '@micro/core';
import { Command } from 'commander';
import { visible } from '../console/visible.ts';
import { findService, listServices } from '../session/find-service.ts';
import type { Run } from '../session/tools.ts';
import { goRecord } from '../view/go-record.ts';
import { newestFirst } from '../view/newest-first.ts';
import { table } from '../view/table.ts';

/** `micro registry`: what a registry can do, one verb each. */
export function registryCommand(run: Run): Command {
  const list = new Command('list')
    .summary('the names of all services')
    .description('Lists the names of all services, sorted.')
    .action(() =>
      run(async ({ session, output, signal, progress }) => {
        const { components } = await session();
        const asking = `asking ${components.registry.name}`;
        const names = await progress.during(asking, () => listServices(components, signal));
        await output.items(names, visible);
        return undefined;
      }),
    );
  const get = new Command('get')
    .summary('the records of a service')
    .description('Shows where a service runs; as data its records, one per version, the newest first.')
    .argument('<service>', 'name in the registry')
    .action((name: string) =>
      run(async ({ session, output, signal, progress }) => {
        const opened = await session();
        const found = await progress.during(`looking for ${name}`, () => findService(opened, name, signal));
        const records = newestFirst(found);
        const rows = records.flatMap(({ version, nodes }) => nodes.map(({ id, address }) => [version, address, id]));
        if (output.format === 'text') await output.value(records, table(rows));
        else await output.pretty.items(records.map(goRecord));
        return undefined;
      }),
    );
  const watch = new Command('watch')
    .summary('what changes, as it happens')
    .description('Prints each change in the registry, as a line of JSON, until Ctrl-C.')
    .argument('[service]', 'only what is about this service')
    .action((service: string | undefined) =>
      run(async ({ session, output, signal, say }) => {
        const { registry } = (await session()).components;
        const events = registry.watch({ service, signal });
        say(`watching ${registry.name}`);
        await output.items(changes(events));
        return undefined;
      }),
    );
  return new Command('registry')
    .summary('look into the registry')
    .description('Looks into the registry.')
    .addCommand(list)
    .addCommand(get)
    .addCommand(watch);
}

async function* changes(events: AsyncIterable<RegistryEvent>): AsyncIterable<unknown> {
  for await (const { action, service } of events) yield { action, service: goRecord(service) };
}
