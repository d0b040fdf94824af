import type { Broker, Delivery } from '@micro/core';
import { createPushable } from '@micro/core/plugin';
import { Command } from 'commander';
import { mapped } from '../console/mapped.ts';
import { countOption } from '../input/options.ts';
import { countSubscribers } from '../session/count-subscribers.ts';
import type { Run } from '../session/tools.ts';
import { dataOfJson, textOfBytes } from '../view/bytes.ts';

interface Options {
  readonly queue?: string;
  readonly limit?: number;
}

/** `micro subscribe`: events as they come. */
export function subscribeCommand(run: Run): Command {
  return new Command('subscribe')
    .summary('print the events of a topic')
    .description('Prints each event of a topic until Ctrl-C: its body, or as data its topic, metadata and body.')
    .argument('<topic>', 'what is subscribed to')
    .option('--queue <name>', 'shares the events with everybody who names the same queue')
    .addOption(countOption('--limit <n>', 'ends after so many events (default: 0, none)'))
    .action((topic: string, { queue, limit = 0 }: Options) =>
      run(async ({ session, output, signal, terminal, say }) => {
        const { broker, registry } = (await session()).components;
        // Its subscribers are found in the registry, and it would wait in silence for one that is away.
        if (broker.name === 'http') await countSubscribers(registry, topic, signal);
        const events = receive(broker, { topic, queue, limit, signal, ready: () => say(`subscribed to ${topic}`) });
        await output.items(output.format === 'text' ? events : mapped(events, eventData), (event) =>
          textOfBytes((event as Delivery).message.body, terminal),
        );
        return undefined;
      }),
    );
}

interface Reception {
  readonly topic: string;
  readonly queue: string | undefined;
  /** So many events, 0 is no limit. */
  readonly limit: number;
  readonly signal: AbortSignal;
  readonly ready: () => void;
}

/** The events of a topic. Each counts as handled when it has been printed: when the next one is asked for. */
async function* receive(
  broker: Broker,
  { topic, queue, limit, signal, ready }: Reception,
): AsyncGenerator<Delivery, void, undefined> {
  const events = createPushable<Delivery>();
  const end = (): void => events.end();
  await broker.connect();
  const subscription = await broker.subscribe(topic, (event) => events.send(event), { queue });
  signal.addEventListener('abort', end, { once: true });
  if (signal.aborted) end();
  ready();
  let count = 0;
  try {
    for await (const event of events) {
      yield event;
      count += 1;
      if (count === limit) return;
    }
  } finally {
    signal.removeEventListener('abort', end);
    await subscription.close();
  }
}

function eventData({ topic, message }: Delivery): unknown {
  return { topic, metadata: message.header, body: dataOfJson(message.body) };
}
