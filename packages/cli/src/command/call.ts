import { Command } from 'commander';
import { JsonText } from '../program/output.ts';
import type { Run } from '../program/tools.ts';

/** `micro call`: one request, one answer. */
export function callCommand(run: Run): Command {
  return new Command('call')
    .summary('call an endpoint of a service')
    .argument('<service>', 'name in the registry')
    .argument('<endpoint>', 'as the registry has it, such as Helloworld.Call')
    .argument('[json...]', 'the request', [])
    .action((service: string, endpoint: string, json: readonly string[]) =>
      run(async ({ session, output, signal }) => {
        const { client } = await session();
        const body = new JsonText(json.length === 0 ? '{}' : json.join(' '));
        await output.value(await client.call({ service, endpoint, body }, { signal }));
      }),
    );
}
