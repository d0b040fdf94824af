import { Command } from 'commander';
import { visible } from '../console/visible.ts';
import { findService } from '../session/find-service.ts';
import type { Run } from '../session/tools.ts';
import { goRecord } from '../view/go-record.ts';
import { newestFirst } from '../view/newest-first.ts';
import { recordText } from '../view/record-text.ts';

/** `micro describe service`: what the registry says about one service. */
export function describeCommand(run: Run): Command {
  const service = new Command('service')
    .alias('s')
    .summary('nodes and endpoints of a service')
    .description(
      'Shows the nodes and the endpoints of the newest version of a service, as JSON in the form of go-micro.',
    )
    .argument('<name>', 'name in the registry')
    .option('--all', 'all versions, the newest first; as JSON they are an array', false)
    .action((name: string, { all }: { readonly all: boolean }) =>
      run(async ({ session, output, signal, progress, say }) => {
        const opened = await session();
        const found = await progress.during(`looking for ${name}`, () => findService(opened, name, signal));
        const [newest, ...older] = newestFirst(found);
        if (newest === undefined) return undefined;
        const { pretty } = output;
        if (all) {
          const records = [newest, ...older];
          const texts = records.map(recordText).values();
          await pretty.items(records.map(goRecord), () => `${texts.next().value}\n`);
          return undefined;
        }
        await pretty.value(goRecord(newest), recordText(newest));
        if (older.length > 0)
          say(`${older.length} more: ${older.map(({ version }) => visible(version)).join(', ')} (--all)`);
        return undefined;
      }),
    );
  return new Command('describe').summary('show what the registry says about a service').addCommand(service);
}
