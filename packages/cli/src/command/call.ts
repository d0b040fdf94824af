import { type Header, jsonCodec } from '@micro/core';
import { Command } from 'commander';
import { JsonText } from '../console/json-text.ts';
import { visible } from '../console/visible.ts';
import { readMessage } from '../input/message.ts';
import { addressOption, countOption, dataOption, durationOption, headerOption, rawOption } from '../input/options.ts';
import { type CallFlags, callOptions } from '../session/call-options.ts';
import { checkEndpoint } from '../session/check-endpoint.ts';
import type { Run } from '../session/tools.ts';
import { shapeAnswer } from '../view/shape-answer.ts';

interface Options extends CallFlags {
  readonly data?: string;
  readonly include: boolean;
  readonly raw: boolean;
}

/** `micro call`: one request, one answer. */
export function callCommand(run: Run): Command {
  return new Command('call')
    .summary('call an endpoint of a service')
    .description(
      'Calls an endpoint and prints its answer. The request is one JSON object, {} without one, and passed on to the letter. The answer is shown as its type has it, where the registry says what that is.',
    )
    .argument('<service>', 'name in the registry')
    .argument('<endpoint>', 'as the registry has it, such as Helloworld.Call')
    .argument('[json...]', 'the request, @file, or - for stdin', [])
    .addOption(dataOption())
    .addOption(headerOption())
    .addOption(addressOption())
    .addOption(durationOption('--timeout <duration>', 'how long the call may take (default: 5s); 0 is no limit'))
    .addOption(countOption('--retries <n>', 'how often a call that nobody has run is repeated (default: 0)'))
    .option('--content-type <type>', 'how the request travels: application/json, application/grpc+json or json-rpc')
    .addOption(rawOption())
    .option('--include', 'the fields of the answer too, above it', false)
    .action((service: string, endpoint: string, words: readonly string[], options: Options) =>
      run(async ({ session, output, signal, terminal, progress }) => {
        let header: Header = {};
        const given = {
          ...callOptions(options, signal),
          onHeader(fields: Header) {
            header = fields;
          },
        };
        const message = await readMessage(words, options.data, { terminal, signal });
        const body = bodyOf(message, options.contentType);
        const opened = await session();
        const answer = await progress.during(`calling ${service} ${endpoint}`, async () => {
          const listed =
            options.address === undefined
              ? await checkEndpoint(opened, { service, endpoint, kind: 'unary', signal })
              : undefined;
          const answered = await opened.client.call({ service, endpoint, body }, given);
          return options.raw || !(answered instanceof JsonText) ? answered : shapeAnswer(answered, listed?.response);
        });
        if (options.include) await output.value({ header, body: answer }, withHeader(header, output.json(answer)));
        else await output.value(answer);
        return undefined;
      }),
    );
}

/** As curl does it: the fields, an empty line, the body. */
function withHeader(header: Header, answer: string): string {
  const fields = Object.entries(header).map(([name, value]) => `${visible(name)}: ${visible(value)}`);
  return [...fields.sort(), '', answer].join('\n');
}

/** Only plain JSON is passed on as it is written; other forms of it are made of values, whose integers are as long. */
function bodyOf(message: JsonText, contentType = 'application/json'): unknown {
  return contentType === 'application/json' ? message : jsonCodec().decode(Buffer.from(message.text));
}
