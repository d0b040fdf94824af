import { parseArgs } from 'node:util';
import { type Config, createConfig, envSource, fileSource, flagsSource } from '@micro/core';

/** The settings: a file, over it the environment, over both the flags of the command line. */
export async function settings(file: string): Promise<Config> {
  const { values: flags } = parseArgs({
    options: { greeting: { type: 'string' }, end: { type: 'string' }, timeout: { type: 'string' } },
  });
  return createConfig({ sources: [fileSource(file), envSource({ prefix: 'GREETER' }), flagsSource(flags)] });
}
