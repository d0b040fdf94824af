import type { Flag, Flags } from '../contract/cmd.ts';
import type { LogLevel } from '../contract/logger.ts';
import type { Service } from '../contract/service.ts';
import { CODE } from '../error/code.ts';
import { MicroError } from '../error/micro-error.ts';
import { pinoLogger } from '../logger/pino-logger.ts';
import { createService } from '../service/create-service.ts';
import type { ServiceOptions } from '../service/service-options.ts';
import { type ChosenComponents, chooseComponents, closeChosen } from './choose-components.ts';
import { type CmdOptions, createCmd } from './create-cmd.ts';
import { durationMs, pairs } from './flag-value.ts';
import { lateRegistry } from './late-registry.ts';
import { projectFolders } from './load-plugin.ts';

/** What a service is made from when flags have a say: the name may come from `--server_name`. */
export type InitOptions = Omit<ServiceOptions, 'name'> & { readonly name?: string | undefined };

/** What a function of the flags may use: all flags, and the components that they chose. */
export interface InitGiven extends ChosenComponents {
  readonly flags: Flags;
}

/** How a service is initialised. */
export interface InitSettings {
  /** The app's own flags, beside the 37 of go-micro. */
  readonly flags?: readonly Flag[] | undefined;
  /** Runs when the service is made and not yet started; what it throws ends the initialisation. */
  readonly action?: ((flags: Flags, service: Service) => void | Promise<void>) | undefined;
  /** What `--help` says about the program. */
  readonly description?: string | undefined;
  /** Default: `process.argv` without its first two. */
  readonly argv?: readonly string[] | undefined;
  /** Default: `process.env`. */
  readonly env?: Readonly<Record<string, string | undefined>> | undefined;
  /** The folders from which plugins are looked for, the first one first. Default: that of the program, then the one it was started in. */
  readonly project?: string | readonly string[] | undefined;
  /** Takes the text of `--help` and `--version`. Default: stdout. */
  readonly write?: CmdOptions['write'];
  /** Ends the program after `--help` and `--version`. Default `process.exit`. */
  readonly exit?: CmdOptions['exit'];
}

/**
 * Makes a service of what the code says and what flags and `MICRO_*` variables say over it: go-micro's `service.Init`. A
 * flag wins over its variable, the variable over the code, the code over the default; what nobody said changes nothing.
 *
 * It is a function beside `createService` and not a method of the service, since nothing is changed after it was made: the
 * flags are read first, then components are chosen, then the service is made of them once. A component that is to be made
 * of flags, such as a registry at `registry_address`, is given by a function instead of an object.
 *
 * Throws a 400 that names the flag for one that is unknown, has a bad value, or cannot be honoured, and a 404 for a
 * component that nobody knows. `--help` and `--version` print and end the program.
 */
export async function initService(
  options: InitOptions | ((given: InitGiven) => InitOptions | Promise<InitOptions>),
  settings: InitSettings = {},
): Promise<Service> {
  const early = typeof options === 'function' ? {} : options;
  const cmd = createCmd({
    name: early.name,
    version: early.version,
    description: settings.description,
    flags: settings.flags,
    write: settings.write,
    exit: settings.exit,
  });
  const flags = cmd.parse({ argv: settings.argv, env: settings.env });
  mustBe(flags, 'client', 'mucp');
  mustBe(flags, 'server', 'mucp');

  const logger = early.logger ?? pinoLogger({ level: flags.log_level as LogLevel | undefined });
  const folders = settings.project === undefined ? projectFolders() : [settings.project].flat();
  const late = lateRegistry();
  const chosen = await chooseComponents({ flags, logger, registry: late.registry, given: early, folders });
  let service: Service;
  try {
    const code = typeof options === 'function' ? await options({ ...chosen, flags }) : options;
    service = createService(withFlags({ ...code, logger: code.logger ?? logger, ...chosen }, flags));
  } catch (error) {
    await closeChosen(chosen);
    throw error;
  }
  late.become(service.components.registry);
  try {
    await settings.action?.(flags, service);
  } catch (error) {
    await service.stop();
    throw error;
  }
  return service;
}

/** The options with what flags say about the service itself over them. */
function withFlags(options: InitOptions, flags: Flags): ServiceOptions {
  const { name, version, id, metadata, server, client } = options;
  const text = (flag: string): string | undefined => flags[flag] as string | undefined;
  const seconds = (flag: string): number | undefined => {
    const value = flags[flag] as number | undefined;
    return value === undefined ? undefined : value * 1_000;
  };
  return {
    ...options,
    // Without any name `createService` says what is missing.
    name: text('server_name') ?? name ?? '',
    version: text('server_version') ?? version,
    id: text('server_id') ?? id,
    metadata: pairs(flags.server_metadata) ?? metadata,
    server: {
      ...server,
      address: text('server_address') ?? server?.address,
      advertise: text('server_advertise') ?? server?.advertise,
      registerTtlMs: seconds('register_ttl') ?? server?.registerTtlMs,
      registerIntervalMs: seconds('register_interval') ?? server?.registerIntervalMs,
    },
    client: {
      ...client,
      timeoutMs: durationMs(flags.client_request_timeout) ?? client?.timeoutMs,
      retries: (flags.client_retries as number | undefined) ?? client?.retries,
    },
  };
}

/** go-micro ignores a client or server that it does not know. */
function mustBe(flags: Flags, flag: string, only: string): void {
  const value = flags[flag];
  if (value === undefined || value === only) return;
  throw new MicroError({
    id: 'go.micro.cmd',
    code: CODE.notFound,
    detail: `unknown ${flag} ${JSON.stringify(String(value).slice(0, 80))}: core has ${only}`,
  });
}
