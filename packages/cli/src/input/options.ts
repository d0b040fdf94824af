import { parseGoDuration } from '@micro/core/plugin';
import { Option } from 'commander';
import { UsageError } from '../program/usage-error.ts';

/** `-d json|@file|-`. */
export function dataOption(): Option {
  return new Option('-d, --data <json>', 'the message: JSON, @file, or - for stdin');
}

/** `-H name:value`, as often as one likes. */
export function headerOption(): Option {
  return new Option('-H, --header <name:value>', 'metadata that goes with it; may be repeated')
    .argParser((header: string, before: readonly string[]) => [...before, header])
    .default([], 'none');
}

/** `--address host:port`. */
export function addressOption(): Option {
  return new Option('--address <host:port>', 'asks this node, and no registry');
}

/** `--raw`. */
export function rawOption(): Option {
  return new Option('--raw', 'print answers to the letter, not as their type has them').default(false, 'no');
}

/** An option whose value is a duration, read as milliseconds. */
export function durationOption(flags: string, description: string): Option {
  return new Option(flags, description).argParser((text: string) => {
    const ms = parseGoDuration(text);
    if (ms === undefined || ms < 0) {
      throw new UsageError(`${flags.split(' ', 1)[0]} is ${JSON.stringify(text.slice(0, 80))}: use 500ms, 5s or 1m30s`);
    }
    return ms;
  });
}

/** An option whose value is a whole number from 0 on. */
export function countOption(flags: string, description: string): Option {
  return new Option(flags, description).argParser((text: string) => {
    if (!/^\d{1,15}$/.test(text)) {
      throw new UsageError(`${flags.split(' ', 1)[0]} is ${JSON.stringify(text.slice(0, 80))}: use a whole number`);
    }
    return Number(text);
  });
}
