import { styleText } from 'node:util';
import type { Registry } from '@micro/core';
import { within } from '@micro/core/plugin';
import { Command } from 'commander';
import { detailOf } from '../console/detail-of.ts';
import { EXIT } from '../console/exit-code.ts';
import { ownManifest } from '../console/own-manifest.ts';
import { hasColors, type Terminal } from '../console/terminal.ts';
import { visible } from '../console/visible.ts';
import { checkAddress } from '../doctor/check-address.ts';
import { checkCore } from '../doctor/check-core.ts';
import { checkNode } from '../doctor/check-node.ts';
import { checkPlugins } from '../doctor/check-plugins.ts';
import { checkRegistry } from '../doctor/check-registry.ts';
import { checkVariables } from '../doctor/check-variables.ts';
import type { Finding } from '../doctor/finding.ts';
import { nearestPackage } from '../project/packages.ts';
import { openSession } from '../session/session.ts';
import type { Run, Tools } from '../session/tools.ts';

/** `micro doctor`: what is wrong with this machine, this project, and the components that flags choose. */
export function doctorCommand(run: Run): Command {
  return new Command('doctor')
    .summary('look for what is wrong here')
    .description(
      'Looks at Node, the copies of @micro/core, the plugins of the project, MICRO_* variables, the registry and the ' +
        'address that a service would listen on. Ends with 1 when it finds a problem.',
    )
    .action(() =>
      run(async (tools) => {
        const { terminal, output, progress, signal } = tools;
        // What it looks at may hang, and that is no reason not to end with Ctrl-C.
        const findings = await progress.during('looking', () => within(0, 'looking', () => examine(tools), signal));
        await output.items(findings, (finding) => line(finding, terminal));
        return findings.some(({ status }) => status === 'problem') ? EXIT.failed : EXIT.ok;
      }),
    );
}

async function examine(tools: Tools): Promise<readonly Finding[]> {
  const { terminal } = tools;
  return [
    checkNode(ownManifest()),
    ...(await ofProject(terminal)),
    ...checkVariables(terminal.env),
    ...(await ofComponents(tools)),
  ];
}

async function ofProject({ cwd }: Terminal): Promise<readonly Finding[]> {
  try {
    const project = nearestPackage(cwd);
    if (project !== undefined) return [checkCore(project), ...(await checkPlugins(project))];
    const detail = `no package.json in ${cwd} or above`;
    return [{ check: 'project', status: 'warning', detail, fix: 'run it in the folder of a service' }];
  } catch (error) {
    // A package.json that cannot be read: of the project, or of something that it has installed.
    return [{ check: 'project', status: 'problem', detail: detailOf(error) }];
  }
}

async function ofComponents({ session, flags, terminal, signal }: Tools): Promise<readonly Finding[]> {
  const read = flags();
  const address = await checkAddress(read.server_address as string | undefined);
  let registry: Registry;
  try {
    registry = (await session()).components.registry;
  } catch (error) {
    // A driver that is not there is what a doctor is asked about.
    return [{ check: 'components', status: 'problem', detail: detailOf(error) }, ...address];
  }
  const another = async (): Promise<{ registry: Registry; close(): Promise<void> }> => {
    const argv = Object.entries(read).map(([name, value]) => `--${name}=${String(value)}`);
    const { components, close } = await openSession({ terminal, argv, flags: read, verbose: false, quiet: true });
    return { registry: components.registry, close };
  };
  return [await checkRegistry(registry, another, signal), ...address];
}

const MARKS = { ok: 'ok      ', warning: 'warning ', problem: 'problem ' } as const;
const COLORS = { ok: 'green', warning: 'yellow', problem: 'red' } as const;

function line({ status, detail, fix }: Finding, { stdout, env }: Terminal): string {
  const mark = hasColors(stdout, env) ? styleText(COLORS[status], MARKS[status]) : MARKS[status];
  return `${mark}${visible(detail)}${fix === undefined ? '' : `\n        ${visible(fix)}`}`;
}
