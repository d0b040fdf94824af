import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Flags, initService, type LogLevel, pinoLogger, type Service } from '@micro/core';
import type { Terminal } from '../program/terminal.ts';
import { rawJsonCodec } from './raw-json-codec.ts';

/** The components that flags choose, and a client on them. It serves nothing and is never registered. */
export interface Session {
  readonly client: Service['client'];
  readonly components: Service['components'];
  close(): Promise<void>;
}

/** What a session is opened with. */
export interface SessionOptions {
  readonly terminal: Terminal;
  /** go-micro's flags, as they were given. */
  readonly argv: readonly string[];
  readonly flags: Flags;
  readonly verbose: boolean;
  readonly quiet: boolean;
}

/** Plugins that are installed beside the program (globally, say) are found too, after those of the user's project. */
const OWN_FOLDER = dirname(fileURLToPath(import.meta.url));

/**
 * Makes the components from the user's project. Throws a `go.micro.cmd` error for a driver that is not installed or does
 * not fit, with the command that installs it.
 */
export async function openSession({ terminal, argv, flags, verbose, quiet }: SessionOptions): Promise<Session> {
  const level = (flags.log_level as LogLevel | undefined) ?? (verbose ? 'debug' : quiet ? 'fatal' : 'error');
  const service = await initService(
    {
      name: 'micro',
      logger: pinoLogger({
        level,
        format: terminal.stderr.isTTY === true ? 'pretty' : 'json',
        destination: terminal.stderr,
      }),
      codecs: [rawJsonCodec()],
      // A tool for looking at services must not do anything twice on its own.
      client: { retries: 0 },
    },
    { argv, env: terminal.env, project: [terminal.cwd, OWN_FOLDER] },
  );
  return {
    client: service.client,
    components: service.components,
    close: () => service.stop(),
  };
}
