import { MICRO_FLAGS } from '@micro/core/plugin';
import { type Argument, Command, Help, Option } from 'commander';
import { ownManifest } from '../console/own-manifest.ts';
import { hasColors, type Terminal } from '../console/terminal.ts';
import { repeatedOption } from '../input/options.ts';

/** The flags that every command takes, beside those of every micro service. */
export interface GlobalOptions {
  readonly output: string;
  readonly pretty: boolean;
  readonly envFile: readonly string[];
  readonly verbose: boolean;
  readonly quiet: boolean;
}

/** The tree of commands and what was said to all of them. */
export interface Program {
  readonly command: Command;
  /** Adds a command, under the same rules as the program. */
  add(command: Command): void;
  options(): GlobalOptions;
  /** The flags of go-micro that were given, as a command line of their own for core to check. */
  microArguments(): readonly string[];
}

const FLAGS = new Map<string, string>(
  MICRO_FLAGS.flatMap(({ name }) => [
    [name, name],
    [dashed(name), name],
  ]),
);

/** Longer lines are hard to read, however wide a terminal is. */
const WIDEST_HELP = 120;

/** Help without defaults that say nothing: that a flag is not set, that there are no more arguments. */
const SPARE: Partial<Help> = {
  optionDescription: (option) => new Help().optionDescription(spared(option)),
  argumentDescription: (argument) => new Help().argumentDescription(spared(argument)),
};

function spared<T extends Option | Argument>(one: T): T {
  const { defaultValue, defaultValueDescription } = one;
  const says = defaultValueDescription !== undefined || (defaultValue !== false && String(defaultValue) !== '');
  return says ? one : Object.assign(Object.create(one), { defaultValue: undefined });
}

/** Makes the program without its commands. */
export function createProgram(terminal: Terminal): Program {
  const given: string[] = [];
  const command = new Command('micro')
    .description('Scaffold, run, call and look into micro services.')
    .version(`micro ${ownManifest().version}`, '-v, --version', 'show the version')
    .helpOption('-h, --help', 'show this')
    .helpCommand('help [command]', 'show what a command takes')
    .optionsGroup('Flags of every command:')
    .option('-o, --output <format>', 'form of the data on stdout: text, json, ndjson or yaml', 'text')
    .addOption(new Option('--format <format>', 'the same, as in go-micro').hideHelp())
    .option('--pretty', 'JSON over several lines', false)
    .addOption(repeatedOption('--env-file <file>', 'reads variables from a file; what is set already wins'))
    .option('--verbose', 'logs of the components too', false)
    .option('--quiet', 'nothing but data and errors', false)
    .exitOverride()
    .showSuggestionAfterError()
    .configureHelp({
      helpWidth: Math.min(terminal.stdout.columns || WIDEST_HELP, WIDEST_HELP),
      showGlobalOptions: true,
      ...SPARE,
    })
    .configureOutput({
      writeOut: (text) => void terminal.stdout.write(text),
      writeErr: (text) => void terminal.stderr.write(text),
      // Said like every other error, in the form that the user chose.
      outputError: () => {},
      getOutHasColors: () => hasColors(terminal.stdout, terminal.env),
      getErrHasColors: () => hasColors(terminal.stderr, terminal.env),
    });
  command.on('option:format', (format: string) => command.setOptionValue('output', format));
  for (const { name, description } of MICRO_FLAGS) {
    for (const spelling of new Set([name, dashed(name)])) {
      // Shown by `micro --help` alone, below its own: they would bury what a command takes.
      command.addOption(new Option(`--${spelling} <value>`, description).hideHelp());
      command.on(`option:${spelling}`, (value: string) => given.push(`--${name}=${value}`));
    }
  }
  command.addHelpText('afterAll', helpOfMicroFlags);

  return {
    command,
    add(child) {
      inherit(child, command);
      // Two underscores: asked by programs, not by people.
      command.addCommand(child, { hidden: child.name().startsWith('__') });
    },
    options: () => command.opts<GlobalOptions>(),
    microArguments: () => given,
  };
}

/** go-micro's flags may have one dash, as Go's flags do. */
export function goArguments(argv: readonly string[]): readonly string[] {
  const end = argv.includes('--') ? argv.indexOf('--') : argv.length;
  return argv.map((argument, at) => {
    const [, name = ''] = /^-([a-z][a-z_-]+)(?:=|$)/.exec(argument) ?? [];
    return at < end && FLAGS.has(name) ? `-${argument}` : argument;
  });
}

/** A command that is added, unlike one that is declared in place, starts without the settings of its parent. */
function inherit(child: Command, parent: Command): void {
  child.copyInheritedSettings(parent).helpOption('-h, --help', 'show this');
  for (const grandchild of child.commands) inherit(grandchild, child);
}

function helpOfMicroFlags({ command }: { command: Command }): string {
  if (command.parent !== null) {
    return '\nThe flags of every micro service (--registry etcd, --client_request_timeout 5s, …) work here too: micro --help';
  }
  const width = Math.max(...MICRO_FLAGS.map(({ name }) => name.length));
  const rows = MICRO_FLAGS.map(({ name, env, description }) => `  --${name.padEnd(width)}  ${description} [${env}]`);
  return `\nFlags of every micro service:\n${rows.join('\n')}`;
}

function dashed(name: string): string {
  return name.replaceAll('_', '-');
}
