import { writeFileSync } from 'node:fs';
import { availableParallelism, cpus } from 'node:os';
import { resolve } from 'node:path';
import { type Arguments, readArguments, USAGE } from './arguments.ts';
import { foreignVersion, installForeign } from './foreign.ts';
import { peerNamed } from './peers.ts';
import { rows } from './result.ts';
import { type Measurement, runPlan } from './run.ts';
import { table } from './table.ts';

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

/** Runs what was asked for and returns the exit code: 1 when a measurement failed. */
async function bench({ plan, json }: Arguments): Promise<number> {
  if (process.platform !== 'linux')
    throw new Error(`the bench reads /proc and runs on Linux only, not ${process.platform}`);
  const packages = plan.peers.flatMap((peer) => peerNamed(peer).packages.slice(0, 1));
  if (packages.length > 0) await installForeign(say);
  say(`node ${process.version}, ${availableParallelism()} cores (${cpus()[0]?.model ?? 'unknown'})`);
  for (const name of packages) say(`${name} ${foreignVersion(name) ?? 'is not installed'}`);

  const measurements: Measurement[] = [];
  for await (const measurement of runPlan(plan)) {
    measurements.push(measurement);
    say(progress(measurement, plan.rounds));
  }
  const measured = rows(measurements);
  say(`\n${table(measured)}`);
  // npm runs the script in the package's folder; the user meant the one they are in.
  if (json !== undefined) {
    writeFileSync(resolve(process.env.INIT_CWD ?? '.', json), `${JSON.stringify(measured, null, 2)}\n`);
  }
  return measurements.some(({ outcome }) => outcome instanceof Error) ? 1 : 0;
}

function progress({ peer, work, inFlight, round, outcome }: Measurement, rounds: number): string {
  const what = `${work} ${inFlight} in flight, round ${round}/${rounds}: ${peer}`;
  if (outcome instanceof Error) return `${what} failed: ${outcome.message}`;
  return `${what} ${Math.round(outcome.rate).toLocaleString('en-US')}/s, noise ${(outcome.noise * 100).toFixed(0)} %`;
}

try {
  const wanted = readArguments(process.argv.slice(2));
  if (wanted === undefined) say(USAGE);
  else process.exitCode = await bench(wanted);
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
