import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { initService } from '@micro/core';
import { freeUdpPort } from '@micro/test-servers';

/*
 * How long a user waits for `micro call`: from starting it until its answer is printed, and until it has ended. Beside it
 * what Node itself takes, and what importing core takes. Each run is a process of its own; the service runs in this one.
 */

const USAGE = `npm run cli -w @micro/bench -- [options]

  --runs N   how often each command is started, by turns, after two runs that do not count (default 20)`;

/** What is started, and what it has to print. */
interface Command {
  readonly name: string;
  readonly args: readonly string[];
  readonly prints: string;
}

interface Run {
  /** Until all that is to be printed was printed, in milliseconds. */
  readonly answerMs: number;
  /** Until the process had ended. */
  readonly endMs: number;
}

/** Nothing that is measured takes longer, unless it hangs. */
const DEADLINE_MS = 60_000;
const ANSWER = '{"msg":"Hello John"}\n';

async function run({ name, args, prints }: Command, env: NodeJS.ProcessEnv): Promise<Run> {
  const begin = performance.now();
  const child = spawn(process.execPath, args, { env, timeout: DEADLINE_MS, killSignal: 'SIGKILL' });
  let stdout = '';
  let stderr = '';
  let answerMs = 0;
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
    answerMs = performance.now() - begin;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  const [code] = await once(child, 'close');
  const endMs = performance.now() - begin;
  if (code !== 0 || stdout !== prints) throw new Error(`${name} ended with ${code} and printed ${stdout}${stderr}`);
  return { answerMs: prints === '' ? endMs : answerMs, endMs };
}

function quantile(values: readonly number[], share: number): string {
  const sorted = [...values].sort((one, other) => one - other);
  return String(Math.round(sorted[Math.ceil(share * sorted.length) - 1] ?? 0));
}

async function measure(runs: number): Promise<void> {
  const mdns = { MICRO_REGISTRY_ADDRESS: `127.0.0.1:${await freeUdpPort()}` };
  const settings = { argv: ['--log_level', 'fatal'], env: mdns };
  await using service = await initService({ name: 'helloworld', server: { address: '127.0.0.1:0' } }, settings);
  service.server.handle('Helloworld', {
    call: async ({ name }: { readonly name: string }) => ({ msg: `Hello ${name}` }),
  });
  await service.start();

  const micro = fileURLToPath(new URL('micro.js', import.meta.resolve('@micro/cli')));
  const call = [micro, 'call', 'helloworld', 'Helloworld.Call', '{"name":"John"}'];
  const commands: readonly Command[] = [
    { name: '`node -e 0`', args: ['-e', '0'], prints: '' },
    { name: "`import '@micro/core'`", args: ['--input-type=module', '-e', "import '@micro/core'"], prints: '' },
    { name: '`micro call --address`', args: [...call, '--address', service.server.address ?? ''], prints: ANSWER },
    { name: '`micro call` over mDNS', args: call, prints: ANSWER },
  ];
  const env = { ...process.env, ...mdns };
  const found = new Map(commands.map((command) => [command, [] as Run[]]));
  for (let round = -2; round < runs; round++) {
    for (const [command, results] of found) {
      const result = await run(command, env);
      if (round >= 0) results.push(result);
    }
  }

  const rows = [...found].map(([{ name }, results]) => {
    const answers = results.map(({ answerMs }) => answerMs);
    const ends = results.map(({ endMs }) => endMs);
    return `| ${name} | ${[quantile(answers, 0.5), quantile(answers, 0.95), quantile(ends, 0.5)].join(' | ')} |`;
  });
  process.stdout.write(`node ${process.version}, ${availableParallelism()} cores, ${runs} runs each\n\n`);
  process.stdout.write('| command | answer after ms, p50 | p95 | ended after ms, p50 |\n|---|---|---|---|\n');
  process.stdout.write(`${rows.join('\n')}\n`);
}

try {
  const { values } = parseArgs({
    options: { runs: { type: 'string', default: '20' }, help: { type: 'boolean', default: false } },
  });
  const runs = Number(values.runs);
  if (values.help) process.stdout.write(`${USAGE}\n`);
  else if (!Number.isSafeInteger(runs) || runs < 1 || runs > 1_000)
    throw new Error('--runs is a number from 1 to 1000');
  else await measure(runs);
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
