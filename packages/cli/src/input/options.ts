import { parseGoDuration, shown } from '@micro/core/plugin';
import { Option } from 'commander';
import { UsageError } from '../console/usage-error.ts';

/** An option that may be repeated: its value is a list, `[]` when it is not given. */
export function repeatedOption(flags: string, description: string): Option {
  return new Option(flags, `${description}; may be repeated`)
    .argParser((value: string, before: readonly string[]) => [...before, value])
    .default([], 'none');
}

/** `-d json|@file|-`. */
export function dataOption(): Option {
  return new Option('-d, --data <json>', 'the message: JSON, @file, or - for stdin');
}

/** `-H name:value`, as often as one likes. */
export function headerOption(): Option {
  return repeatedOption('-H, --header <name:value>', 'metadata that goes with it');
}

/** `--address host:port`. */
export function addressOption(): Option {
  return new Option('--address <host:port>', 'asks this node, and no registry');
}

/** `--raw`. */
export function rawOption(): Option {
  return new Option('--raw', 'print answers to the letter, not as their type has them').default(false);
}

/** An option whose value is a duration, read as milliseconds. */
export function durationOption(flags: string, description: string): Option {
  return new Option(flags, description).argParser((text: string) => {
    const ms = parseGoDuration(text);
    if (ms === undefined || ms < 0) {
      throw new UsageError(`${flags.split(' ', 1)[0]} is ${shown(text)}: use 500ms, 5s or 1m30s`);
    }
    return ms;
  });
}

/** An option whose value is a whole number from 0 on. */
export function countOption(flags: string, description: string): Option {
  return new Option(flags, description).argParser((text: string) => {
    if (!/^\d{1,15}$/.test(text)) {
      throw new UsageError(`${flags.split(' ', 1)[0]} is ${shown(text)}: use a whole number`);
    }
    return Number(text);
  });
}
