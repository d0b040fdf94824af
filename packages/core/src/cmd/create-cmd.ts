import { writeSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { Command, CommanderError, Option } from 'commander';
import type { Cmd, Flag, Flags, FlagValue, ParseOptions } from '../contract/cmd.ts';
import { CODE } from '../error/code.ts';
import { MicroError } from '../error/micro-error.ts';
import { reasonOf } from '../util/reason.ts';
import { readFlag } from './flag-value.ts';
import { type AppFlag, MICRO_FLAGS, type MicroFlag } from './micro-flags.ts';

/** What a command line is made from. */
export interface CmdOptions {
  /** What `--help` calls the program. Default `micro`. */
  readonly name?: string | undefined;
  /** What `--version` prints. Default: there is no such flag, as in go-micro. */
  readonly version?: string | undefined;
  /** What `--help` says about the program. Default `a micro service`. */
  readonly description?: string | undefined;
  /** The app's own flags, beside the 37 of go-micro. */
  readonly flags?: readonly Flag[] | undefined;
  /** Takes the text of `--help` and `--version`. Default: stdout. */
  readonly write?: ((text: string) => void) | undefined;
  /** Ends the program after `--help` and `--version`. Default `process.exit`. If it returns, `parse` throws a 499. */
  readonly exit?: ((code: number) => void) | undefined;
}

const NAME = /^[A-Za-z][A-Za-z0-9_-]*$/;
const TAKEN: ReadonlySet<string> = new Set(['help', 'version']);

/**
 * The command line of a service: go-micro's 37 flags and `MICRO_*` variables and the app's own, a flag before its variable.
 * Only what was said explicitly is in the result, so no default of a flag passes over what the code says. Flags are written
 * `--name value` or `--name=value`, with one dash too, as Go takes them; what follows `--`, and whatever is no flag, is
 * left alone.
 */
export function createCmd(options: CmdOptions = {}): Cmd {
  const { name = 'micro', version, description = 'a micro service', write = toStdout } = options;
  const { exit = (code: number) => process.exit(code) } = options;
  const own = appFlags(options.flags ?? []);
  const all: readonly (MicroFlag | AppFlag)[] = [...own, ...MICRO_FLAGS];
  const defaults = defaultsOf(options.flags ?? []);

  /** A fresh parser each time: it remembers what it has parsed. */
  const parser = (given: Map<string, string[]>): Command => {
    const commander = loadCommander();
    const command = new commander.Command(name)
      .description(description)
      .usage('[flags]')
      .allowExcessArguments()
      .exitOverride()
      .configureOutput({ writeOut: () => {}, writeErr: () => {} })
      .configureHelp({ helpWidth: 120 })
      .helpOption('-h, --help', 'shows this');
    if (version !== undefined) command.version(version, '-v, --version', 'shows the version');
    for (const flag of all) {
      command.addOption(optionOf(flag, new commander.Option(syntaxOf(flag), descriptionOf(flag, defaults))));
      command.on(`option:${flag.name}`, (text: string | null | undefined) => {
        given.set(flag.name, [...(given.get(flag.name) ?? []), text ?? 'true']);
      });
    }
    return command;
  };

  const finish = (text: string): never => {
    write(text);
    exit(0);
    throw new MicroError({
      id: 'go.micro.cmd',
      code: CODE.cancelled,
      detail: 'the program was only asked about itself',
    });
  };

  const help = (): string => parser(new Map()).helpInformation();

  const fromArguments = (argv: readonly string[]): ReadonlyMap<string, readonly string[]> => {
    const given = new Map<string, string[]>();
    try {
      parser(given).parse(goArguments(argv, all, given), { from: 'user' });
    } catch (error) {
      const { code } = error as Partial<CommanderError>;
      if (code === 'commander.helpDisplayed') return finish(help());
      if (code === 'commander.version') return finish(`${name} version ${version}\n`);
      throw parseError(error as CommanderError);
    }
    return given;
  };

  return {
    name: 'cmd',
    help,
    parse({ argv = process.argv.slice(2), env = process.env }: ParseOptions = {}): Flags {
      const given = fromArguments(argv);
      const flags: Flags = Object.create(defaults);
      for (const flag of all) {
        const value =
          readFlag(flag, given.get(flag.name) ?? [], `--${flag.name}`) ??
          readFlag(flag, textOf(env, flag.env), flag.env ?? '');
        // Defined, not assigned: a frozen default of the same name would refuse that.
        if (value !== undefined) Object.defineProperty(flags, flag.name, { value, enumerable: true });
      }
      return Object.freeze(flags);
    },
  };
}

function textOf(env: Readonly<Record<string, string | undefined>>, name: string | undefined): readonly string[] {
  const text = name === undefined ? undefined : env[name];
  return text === undefined ? [] : [text];
}

/** Loaded when a command line is first parsed: most of what imports core never does. */
function loadCommander(): {
  Command: new (name: string) => Command;
  Option: new (flags: string, description: string) => Option;
} {
  return createRequire(import.meta.url)('commander');
}

function appFlags(flags: readonly Flag[]): readonly AppFlag[] {
  const names = new Set([...MICRO_FLAGS.map(({ name }) => name), ...TAKEN]);
  return flags.map(({ name, env, type, description }) => {
    if (!NAME.test(name)) throw wrong(`cannot be a flag: use letters, digits, _ and -, a letter first`, name);
    if (names.has(name)) throw wrong('is a flag already: choose another name', name);
    names.add(name);
    return { name, env, kind: type, description, secret: false };
  });
}

/** What flags that are not given read as. It has no prototype, so nothing else can be read through it. */
function defaultsOf(flags: readonly Flag[]): Flags {
  const defaults: Record<string, FlagValue> = Object.create(null);
  for (const flag of flags) if (flag.default !== undefined) defaults[flag.name] = flag.default;
  return Object.freeze(defaults);
}

function syntaxOf({ name, kind }: MicroFlag | AppFlag): string {
  const placeholders: Partial<Record<typeof kind, string>> = {
    boolean: '',
    count: ' <number>',
    number: ' <number>',
    seconds: ' <seconds>',
    duration: ' <duration>',
    list: ' <a,b>',
    pairs: ' <key=value>',
    level: ' <level>',
  };
  return `--${name}${placeholders[kind] ?? ' <text>'}`;
}

function descriptionOf({ name, env, description }: MicroFlag | AppFlag, defaults: Flags): string {
  const notes = [
    ...(env === undefined ? [] : [env]),
    ...(defaults[name] === undefined ? [] : [`default ${JSON.stringify(defaults[name])}`]),
  ];
  return notes.length === 0 ? description : `${description} [${notes.join(', ')}]`;
}

function optionOf(flag: MicroFlag | AppFlag, option: Option): Option {
  return option.helpGroup(flag.env?.startsWith('MICRO_') === true ? 'Flags of every micro service:' : 'Flags:');
}

/** Flags with one dash, and booleans with a value, which Go takes and commander does not. */
function goArguments(
  argv: readonly string[],
  flags: readonly (MicroFlag | AppFlag)[],
  given: Map<string, string[]>,
): readonly string[] {
  const kinds = new Map<string, string>(flags.map(({ name, kind }) => [name, kind]));
  for (const name of TAKEN) kinds.set(name, name);
  const end = argv.includes('--') ? argv.indexOf('--') : argv.length;
  const read = argv.slice(0, end).flatMap((argument) => {
    const [, name = '', value] = /^--?([A-Za-z][A-Za-z0-9_-]*)(?:=(.*))?$/s.exec(argument) ?? [];
    const kind = kinds.get(name);
    if (kind === undefined) return [argument];
    if (kind !== 'boolean' || value === undefined) return [value === undefined ? `--${name}` : `--${name}=${value}`];
    given.set(name, [value]);
    return [];
  });
  return [...read, ...argv.slice(end)];
}

function parseError({ code, message }: CommanderError): MicroError {
  const [, flag = ''] = /'(.*?)'/s.exec(message) ?? [];
  const [, suggestion] = /Did you mean (.*?)\?\)$/s.exec(message) ?? [];
  if (code === 'commander.unknownOption') {
    const hint = suggestion === undefined ? '--help lists those there are' : `did you mean ${suggestion}?`;
    return wrong(`is no flag: ${hint}`, flag.split('=', 1)[0] ?? '');
  }
  if (code === 'commander.optionMissingArgument') return wrong('needs a value', flag.split(' ', 1)[0] ?? '');
  return new MicroError({
    id: 'go.micro.cmd',
    code: CODE.badRequest,
    detail: reasonOf(message.replace(/^error: /, '')),
  });
}

function wrong(what: string, flag: string): MicroError {
  const shown = /^[\x21-\x7e]{1,80}$/.test(flag) ? flag : JSON.stringify(flag.slice(0, 80));
  return new MicroError({ id: 'go.micro.cmd', code: CODE.badRequest, detail: `${shown} ${what}` });
}

/** Written before the program ends; a reader that has gone away is no reason to fail. */
function toStdout(text: string): void {
  try {
    writeSync(1, text);
  } catch {
    // Nobody reads it.
  }
}
