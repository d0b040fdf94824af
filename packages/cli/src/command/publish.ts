import { Command } from 'commander';
import { visible } from '../console/visible.ts';
import { readHeaders } from '../input/headers.ts';
import { readMessage } from '../input/message.ts';
import { dataOption, headerOption } from '../input/options.ts';
import { countSubscribers } from '../session/count-subscribers.ts';
import type { Run } from '../session/tools.ts';

interface Options {
  readonly data?: string;
  readonly header: readonly string[];
}

/** `micro publish`: one event. */
export function publishCommand(run: Run): Command {
  return new Command('publish')
    .summary('publish an event')
    .description(
      'Publishes one event, a JSON object, and ends when the broker has it. The http broker, which is no server, delivers it first.',
    )
    .argument('<topic>', 'where it is published')
    .argument('[json...]', 'the event, @file, or - for stdin; {} without one', [])
    .addOption(dataOption())
    .addOption(headerOption())
    .action((topic: string, words: readonly string[], { data, header }: Options) =>
      run(async ({ session, signal, terminal, say }) => {
        const metadata = readHeaders(header);
        const message = await readMessage(words, data, { terminal, signal });
        const { client, components } = await session();
        const { broker, registry } = components;
        // The http broker finds subscribers in the registry, and would only wait for one that is away.
        const count = broker.name === 'http' ? await countSubscribers(registry, topic, signal) : undefined;
        await client.publish(topic, message, { metadata, signal });
        say(count === undefined ? `published to ${broker.name}` : told(count, topic));
        return undefined;
      }),
    );
}

function told(count: number, topic: string): string {
  if (count === 0) return `nobody subscribes to ${visible(topic)}`;
  return `published to ${count} ${count === 1 ? 'subscriber' : 'subscribers'}`;
}
