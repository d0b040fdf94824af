import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  cachedRegistry,
  type Flags,
  initService,
  type LogLevel,
  pinoLogger,
  type Registry,
  registrySelector,
  type Service,
} from '@micro/core';
import { lateRegistry } from '@micro/core/plugin';
import type { Terminal } from '../console/terminal.ts';
import { rawJsonCodec } from './raw-json-codec.ts';

/** The components that flags choose, and a client on them. It serves nothing and is never registered. */
export interface Session {
  readonly client: Service['client'];
  readonly components: Service['components'];
  /** The registry with a memory: what a command has looked up, its calls need not. */
  readonly known: Registry;
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
  const logger = pinoLogger({
    level,
    format: terminal.stderr.isTTY === true ? 'pretty' : 'json',
    destination: terminal.stderr,
  });
  const late = lateRegistry();
  // That nobody is there is asked again: one lost datagram is enough for it.
  const known = cachedRegistry(late.registry, { logger, unknownTtlMs: 0 });
  const service = await initService(
    {
      name: 'micro',
      logger,
      selector: registrySelector({ registry: known }),
      codecs: [rawJsonCodec()],
      // A tool for looking at services must not do anything twice on its own.
      client: { retries: 0 },
      // Nobody asks it how it is.
      debug: { endpoints: false, health: false, logLines: 0 },
    },
    { argv, env: terminal.env, project: [terminal.cwd, OWN_FOLDER] },
  );
  late.become(service.components.registry);
  return {
    client: service.client,
    components: service.components,
    known,
    async close() {
      await known.close();
      await service.stop();
    },
  };
}
