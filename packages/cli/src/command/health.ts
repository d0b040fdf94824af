import { type CallOptions, type Client, CODE, MicroError, type Node } from '@micro/core';
import { Command } from 'commander';
import { EXIT } from '../console/exit-code.ts';
import { inParallel } from '../console/in-parallel.ts';
import { JsonText } from '../console/json-text.ts';
import { UsageError } from '../console/usage-error.ts';
import { addressOption, durationOption } from '../input/options.ts';
import { findService } from '../session/find-service.ts';
import type { Run } from '../session/tools.ts';
import { table } from '../view/table.ts';

interface Options {
  readonly address?: string;
  readonly timeout?: number;
}

/** How one node is. */
interface NodeHealth {
  readonly node: string;
  readonly address: string;
  readonly healthy: boolean;
  /** What `Debug.Health` answers, or why it does not. */
  readonly status: string;
}

/** The only status of a node that wants to be called. */
const OK = 'ok';

/** `micro health`: whether the nodes of a service want to be called. */
export function healthCommand(run: Run): Command {
  return new Command('health')
    .summary('ask the nodes of a service how they are')
    .description(
      'Asks Debug.Health of every node of a service, or of the one at --address. Ends with 0 when all are healthy and with 1 when not, so that it can be the probe of a container.',
    )
    .argument('[service]', 'name in the registry; not needed with --address')
    .addOption(addressOption())
    .addOption(durationOption('--timeout <duration>', 'how long a node may take (default: 5s); 0 is no limit'))
    .action((service: string | undefined, { address, timeout: timeoutMs }: Options) =>
      run(async ({ session, output, signal, progress }) => {
        if (service === undefined && address === undefined) throw new UsageError('name a service, or an --address');
        const opened = await session();
        const nodes = await progress.during('asking how it is', async () => {
          if (address !== undefined)
            return [await health(opened.client, service ?? address, { address, timeoutMs, signal })];
          const name = service ?? '';
          const records = await findService(opened, name, signal);
          return inParallel(
            records.flatMap((record) => record.nodes),
            (node) => health(opened.client, name, { timeoutMs, signal, strategy: () => node }, node),
          );
        });
        signal.throwIfAborted();
        await output.value(nodes, table(nodes.map(({ node, address, status }) => [node, address, status])));
        return nodes.every(({ healthy }) => healthy) ? EXIT.ok : EXIT.failed;
      }),
    );
}

/** Asks one node. That it cannot be asked is how it is. */
async function health(client: Client, service: string, options: CallOptions, node?: Node): Promise<NodeHealth> {
  const address = node?.address ?? String(options.address);
  const about = { node: node?.id ?? address, address };
  try {
    const answer = await client.call({ service, endpoint: 'Debug.Health', body: new JsonText('{}') }, options);
    const status = statusOf(answer);
    return { ...about, healthy: status === OK, status };
  } catch (error) {
    const { code, detail } = MicroError.from(error);
    if (code === CODE.badRequest) throw error;
    return { ...about, healthy: false, status: detail };
  }
}

function statusOf(answer: unknown): string {
  const parsed: unknown = answer instanceof JsonText ? JSON.parse(answer.text) : undefined;
  const status: unknown = (parsed as { status?: unknown } | null | undefined)?.status;
  return typeof status === 'string' && status !== '' ? status : 'no status';
}
