import type { CallOptions } from '@micro/core';
import { Command } from 'commander';
import type { JsonText } from '../console/json-text.ts';
import { mapped } from '../console/mapped.ts';
import { readMessage } from '../input/message.ts';
import { addressOption, countOption, dataOption, durationOption, headerOption, rawOption } from '../input/options.ts';
import { streamMessages } from '../input/stream-messages.ts';
import { type CallFlags, callOptions, requestTimeoutMs } from '../session/call-options.ts';
import { checkEndpoint, type EndpointCheck } from '../session/check-endpoint.ts';
import { createLockstep } from '../session/lockstep.ts';
import { openStreams, type Streams } from '../session/open-stream.ts';
import { type StreamSupervisor, superviseStream } from '../session/supervise-stream.ts';
import type { Run, Tools } from '../session/tools.ts';
import { shapeAnswer } from '../view/shape-answer.ts';

interface Options extends CallFlags {
  readonly data?: string;
  readonly limit?: number;
  readonly lockstep?: boolean;
  readonly raw: boolean;
}

/** How long a server may take for the one answer to a stream of requests. */
const ANSWER_MS = 5_000;

/** `micro stream`: streams of requests, of answers, or of both. */
export function streamCommand(run: Run): Command {
  return new Command('stream')
    .summary('talk to a streaming endpoint')
    .description('Talks to an endpoint that streams its answers, its requests, or both. A message is a line of JSON.')
    .addCommand(serverCommand(run))
    .addCommand(clientCommand(run))
    .addCommand(bidiCommand(run));
}

function serverCommand(run: Run): Command {
  return streamingCommand('server')
    .alias('s')
    .summary('one request, many answers')
    .description('Sends one request and prints each answer on a line of its own, until the server ends the stream.')
    .argument('[json...]', 'the request, @file, or - for stdin', [])
    .addOption(dataOption())
    .addOption(countOption('--limit <n>', 'ends after so many answers (default: 0, none)'))
    .addOption(durationOption('--timeout <duration>', 'how long to wait for the next answer (default: 0, for ever)'))
    .action((service: string, endpoint: string, words: readonly string[], options: Options) =>
      run(async (tools) => {
        const { output, terminal, signal } = tools;
        const target = { service, endpoint, kind: 'server' } as const;
        const supervisor = superviseStream(endpoint, options.timeout ?? 0, signal);
        const message = await readMessage(words, options.data, { terminal, signal });
        const { streams, given, shape } = await open(tools, target, options, supervisor);
        const answers = streams.serverStream(message, given);
        await output.items(mapped(supervisor.incoming(answers, options.limit), shape));
        return undefined;
      }),
    );
}

function clientCommand(run: Run): Command {
  return streamingCommand('client')
    .alias('c')
    .summary('many requests, one answer')
    .description('Sends each message, says that there are no more, and prints the answer.')
    .argument('[json...]', 'a message each; - or none at all: each line of stdin is one', [])
    .addOption(durationOption('--timeout <duration>', 'how long the answer may take then (default: 5s); 0 is no limit'))
    .action((service: string, endpoint: string, words: readonly string[], options: Options) =>
      run(async (tools) => {
        const { output, flags, signal } = tools;
        const target = { service, endpoint, kind: 'client' } as const;
        const answerMs = options.timeout ?? requestTimeoutMs(flags()) ?? ANSWER_MS;
        const supervisor = superviseStream(endpoint, answerMs, signal);
        const messages = messagesOf(words, tools, supervisor);
        const { streams, given, shape } = await open(tools, target, options, supervisor);
        async function* thenWait() {
          yield* messages;
          // However long the user took for the messages: the time of the server begins now.
          supervisor.moved();
        }
        const answer = streams.clientStream(supervisor.outgoing(thenWait()), given);
        await output.value(shape(await supervisor.answer(answer)));
        return undefined;
      }),
    );
}

function bidiCommand(run: Run): Command {
  return streamingCommand('bidi')
    .alias('b')
    .summary('many requests, many answers')
    .description(
      'Sends each message and prints each answer as it comes, both at once. After the last message it says that there are no more, and goes on printing until the server ends the stream.',
    )
    .argument('[json...]', 'a message each; - or none at all: each line of stdin is one', [])
    .option('--lockstep', 'sends a message only after the answer to the one before', false)
    .addOption(countOption('--limit <n>', 'ends after so many answers (default: 0, none)'))
    .addOption(durationOption('--timeout <duration>', 'how long to wait for the next answer (default: 0, for ever)'))
    .action((service: string, endpoint: string, words: readonly string[], options: Options) =>
      run(async (tools) => {
        const { output, signal } = tools;
        const target = { service, endpoint, kind: 'bidi' } as const;
        const supervisor = superviseStream(endpoint, options.timeout ?? 0, signal);
        const messages = supervisor.outgoing(messagesOf(words, tools, supervisor));
        const { streams, given, shape } = await open(tools, target, options, supervisor);
        const turns = options.lockstep === true ? createLockstep(supervisor.signal) : undefined;
        const answers = streams.bidiStream(turns?.sending(messages) ?? messages, given);
        await output.items(mapped(supervisor.incoming(turns?.receiving(answers) ?? answers, options.limit), shape));
        return undefined;
      }),
    );
}

function streamingCommand(name: string): Command {
  return new Command(name)
    .argument('<service>', 'name in the registry')
    .argument('<endpoint>', 'as the registry has it, such as Helloworld.BidiStream')
    .addOption(headerOption())
    .addOption(addressOption())
    .addOption(rawOption());
}

/** The messages that the user gives; a terminal is told how. */
function messagesOf(
  words: readonly string[],
  { terminal, say }: Tools,
  { signal }: StreamSupervisor,
): AsyncIterable<JsonText> {
  if (terminal.stdin.isTTY === true && (words.length === 0 || words.includes('-'))) {
    say('each line is a message; Ctrl-D is the end of them');
  }
  return streamMessages(words, { terminal, signal });
}

interface Opened {
  readonly streams: Streams;
  readonly given: CallOptions;
  /** How an answer is shown. */
  shape(answer: JsonText): JsonText;
}

/** Looks for the endpoint, and prepares its streams. */
async function open(
  { session, signal, progress }: Tools,
  target: Omit<EndpointCheck, 'signal'>,
  options: Options,
  supervisor: StreamSupervisor,
): Promise<Opened> {
  // The time of a stream is that between its messages; it has none as a whole.
  const given = callOptions({ ...options, timeout: 0 }, supervisor.signal);
  const { service, endpoint } = target;
  const opened = await session();
  const listed =
    options.address === undefined
      ? await progress.during(`looking for ${service}`, () => checkEndpoint(opened, { ...target, signal }))
      : undefined;
  return {
    streams: openStreams(opened.client, service, endpoint),
    given,
    shape: (answer) => (options.raw ? answer : shapeAnswer(answer, listed?.response)),
  };
}
