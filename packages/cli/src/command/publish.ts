import { Command } from 'commander';
import { readHeaders } from '../input/headers.ts';
import { readMessage } from '../input/message.ts';
import { dataOption, headerOption } from '../input/options.ts';
import type { Run } from '../program/tools.ts';
import { countSubscribers } from '../session/count-subscribers.ts';

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
        await client.publish(topic, message, { metadata, signal });
        if (broker.name !== 'http') {
          say(`published to ${broker.name}`);
          return undefined;
        }
        const count = await countSubscribers(registry, topic, signal);
        say(
          count === 0
            ? `nobody subscribes to ${topic}`
            : `published to ${count} ${count === 1 ? 'subscriber' : 'subscribers'}`,
        );
        return undefined;
      }),
    );
}
