import { MICRO_FLAGS } from '@micro/core/plugin';
import type { Argument, Command, Option } from 'commander';
import { FORMATS } from '../console/output.ts';

/** One thing that could stand there. */
export interface Candidate {
  readonly text: string;
  readonly about: string;
}

/** Who knows what is there. A registry is asked for at most a moment, and nothing is known after that. */
export interface Known {
  /** What a flag may call the plugins of a kind that the project has. */
  plugins(kind: string): readonly string[];
  services(): Promise<readonly string[]>;
  endpoints(service: string): Promise<readonly string[]>;
}

/** The registry is not ours, nor are packages: what could break out of a line of the shell's is left out. */
const HARMLESS = /^[\w./@-]+$/;

/** What core itself has for flags that name a component. */
const COMPONENTS: Readonly<Record<string, readonly string[]>> = {
  registry: ['mdns', 'memory'],
  broker: ['http', 'memory'],
  transport: ['http', 'memory'],
  store: ['memory', 'file'],
  auth: ['noop', 'memory'],
  log_level: ['trace', 'debug', 'info', 'warn', 'error', 'fatal'],
};

/**
 * What the last of `words` could become, with what was typed of it as its beginning. `[]` where files belong, or nothing.
 */
export async function candidates(program: Command, words: readonly string[], known: Known): Promise<Candidate[]> {
  const typed = words.at(-1) ?? '';
  const { command, given, pending } = walk(program, words.slice(0, -1));
  const all = pending === undefined ? await atWord(command, given, typed, known) : valuesOf(pending, known);
  return all
    .filter(({ text }) => text.startsWith(typed) && HARMLESS.test(text))
    .sort((a, b) => (a.text < b.text ? -1 : 1));
}

/** Where the words before the last one lead: the command, its arguments so far, and an option that waits for its value. */
function walk(program: Command, words: readonly string[]): { command: Command; given: string[]; pending?: Option } {
  let command = program;
  let given: string[] = [];
  let pending: Option | undefined;
  let onlyArguments = false;
  for (const word of words) {
    if (pending !== undefined) pending = undefined;
    else if (word === '--') onlyArguments = true;
    else if (word.startsWith('-') && !onlyArguments) {
      const option = optionsOf(command).find(({ long, short }) => word === long || word === short);
      pending = option?.required === true ? option : undefined;
    } else {
      const child = given.length === 0 ? childOf(command, word) : undefined;
      if (child === undefined) given.push(word);
      else [command, given] = [child, []];
    }
  }
  return { command, given, ...(pending === undefined ? {} : { pending }) };
}

async function atWord(command: Command, given: string[], typed: string, known: Known): Promise<Candidate[]> {
  if (typed.startsWith('-')) return optionsOf(command).flatMap(asCandidates);
  if (command.commands.length > 0 && given.length === 0) {
    const children = command.commands.filter((child) => !isHidden(child));
    const own = children.map((child) => ({ text: child.name(), about: child.summary() || child.description() }));
    if (command.registeredArguments.length === 0) return own;
    return [...own, ...(await ofArgument(command.registeredArguments[0], given, known))];
  }
  return ofArgument(command.registeredArguments[given.length] ?? lastVariadic(command), given, known);
}

async function ofArgument(argument: Argument | undefined, given: string[], known: Known): Promise<Candidate[]> {
  if (argument === undefined) return [];
  if (argument.argChoices !== undefined) return argument.argChoices.map((text) => ({ text, about: '' }));
  if (argument.name() === 'service') return registered(await known.services(), 'service');
  if (argument.name() === 'endpoint') return registered(await known.endpoints(given[0] ?? ''), 'endpoint');
  return [];
}

function registered(names: readonly string[], about: string): Candidate[] {
  return names.map((text) => ({ text, about }));
}

function valuesOf({ long, argChoices }: Option, known: Known): Candidate[] {
  const name = (long ?? '').slice(2).replaceAll('-', '_');
  if (name === 'output' || name === 'format') return FORMATS.map((text) => ({ text, about: 'form of the data' }));
  const values = argChoices ?? [...(COMPONENTS[name] ?? []), ...known.plugins(name)];
  return values.map((text) => ({ text, about: name }));
}

/** Options of the command and of those above it. */
function optionsOf(command: Command): Option[] {
  const above = command.parent === null ? [] : optionsOf(command.parent);
  return [...command.options, ...above];
}

const MICRO_NAMES = new Set(MICRO_FLAGS.map(({ name }) => name));

function asCandidates({ long, hidden, description }: Option): Candidate[] {
  if (long === undefined || long === null) return [];
  // The flags of every service are hidden from the help of a command, and still worth completing, in go-micro's spelling.
  if (hidden && !MICRO_NAMES.has(long.slice(2))) return [];
  return [{ text: long, about: description }];
}

function childOf(command: Command, word: string): Command | undefined {
  return command.commands.find((child) => child.name() === word || child.aliases().includes(word));
}

function lastVariadic({ registeredArguments }: Command): Argument | undefined {
  const last = registeredArguments.at(-1);
  return last?.variadic === true ? last : undefined;
}

/** Commander keeps this to itself, and its help does not list what is hidden. */
function isHidden(command: Command): boolean {
  return command.parent?.createHelp().visibleCommands(command.parent).includes(command) === false;
}
