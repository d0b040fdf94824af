import type { Flags } from '../contract/cmd.ts';
import type { Logger } from '../contract/logger.ts';
import type { Registry } from '../contract/registry.ts';
import { CODE } from '../error/code.ts';
import { MicroError } from '../error/micro-error.ts';
import type { ServiceOptions } from '../service/service-options.ts';
import { reasonOf } from '../util/reason.ts';
import { within } from '../util/within.ts';
import { type ChosenKind, CORE_COMPONENTS } from './core-components.ts';
import { loadPlugin } from './load-plugin.ts';

/** The components that flags chose; what no flag says anything about is absent. */
export type ChosenComponents = Pick<ServiceOptions, ChosenKind>;

/** What the components are chosen from. */
export interface ChooseOptions {
  readonly flags: Flags;
  readonly logger: Logger;
  /** Stands for the registry of the service. */
  readonly registry: Registry;
  /** What the code gives; a function of the flags gives nothing yet. */
  readonly given: ChosenComponents;
  /** Where the user's project is. */
  readonly folders: readonly string[];
}

interface Choice {
  readonly kind: ChosenKind;
  /** Flags that say something about the component. */
  readonly about: readonly string[];
  /** What they are about when nobody names a component. */
  readonly usual?: string;
  /** What the component has to be able to do. */
  readonly functions: readonly string[];
}

/** In the order in which they are made: what another one needs comes first. */
const CHOICES: readonly Choice[] = [
  {
    kind: 'registry',
    about: ['registry_address'],
    usual: 'mdns',
    functions: ['register', 'deregister', 'getService', 'listServices', 'watch', 'close'],
  },
  {
    kind: 'transport',
    about: ['transport_address', 'client_pool_size', 'client_pool_ttl'],
    usual: 'http',
    functions: ['listen', 'dial', 'close'],
  },
  {
    kind: 'broker',
    about: ['broker_address'],
    usual: 'http',
    functions: ['connect', 'disconnect', 'publish', 'subscribe'],
  },
  { kind: 'selector', about: [], functions: ['select', 'mark', 'reset', 'close'] },
  {
    kind: 'store',
    about: ['store_address', 'store_database', 'store_table'],
    usual: 'memory',
    functions: ['read', 'write', 'delete', 'list', 'close'],
  },
  { kind: 'config', about: [], functions: ['load', 'get', 'set', 'delete', 'sync', 'watch', 'snapshot', 'close'] },
  {
    kind: 'auth',
    about: ['auth_id', 'auth_secret', 'auth_namespace', 'auth_public_key', 'auth_private_key'],
    functions: ['generate', 'inspect', 'token'],
  },
  {
    kind: 'runtime',
    about: ['runtime_source'],
    functions: ['create', 'read', 'update', 'delete', 'logs', 'watch', 'start', 'stop'],
  },
  { kind: 'tracer', about: ['tracer_address'], functions: ['handler', 'client', 'read', 'close'] },
  { kind: 'profile', about: [], functions: ['start', 'stop'] },
];

/** No plugin may take longer to make its component. */
const CREATE_MS = 30_000;
/** No component that was made in vain is waited for longer. */
const CLOSE_MS = 5_000;

/**
 * Makes the components that flags choose. A component of the code stays when the flag names it and says nothing more about
 * it; else the flag wins. A flag about a component that the code has made already is an error, since nothing is changed
 * after it was made. When one cannot be made, those that were are closed again.
 */
export async function chooseComponents(options: ChooseOptions): Promise<ChosenComponents> {
  const chosen: Partial<Record<ChosenKind, unknown>> = {};
  try {
    for (const choice of CHOICES) {
      const component = await choose(choice, options);
      if (component !== UNCHANGED) chosen[choice.kind] = component;
    }
  } catch (error) {
    await closeChosen(chosen);
    throw error;
  }
  // Each was made for its kind, and a plugin's was looked at.
  return chosen as ChosenComponents;
}

/** Closes components that were chosen in vain. */
export async function closeChosen(chosen: object): Promise<void> {
  for (const component of Object.values(chosen)) await closeQuietly(component);
}

/** What the code or the service's own default says stands. */
const UNCHANGED = Symbol('unchanged');

async function choose(choice: Choice, options: ChooseOptions): Promise<unknown> {
  const { kind } = choice;
  const { flags, given } = options;
  const named = flags[kind];
  const about = choice.about.filter((flag) => flags[flag] !== undefined);
  const [first] = about;
  if (typeof named !== 'string') {
    if (first === undefined) return UNCHANGED;
    const code = given[kind];
    if (code !== undefined) {
      throw bad(
        `--${first} cannot change the ${kind} ${JSON.stringify(code.name)} that the code has made: name one with --${kind} too, or give initService a function of the flags`,
      );
    }
    if (choice.usual === undefined)
      throw bad(`--${first} says something about a ${kind}, but none is chosen: add --${kind}`);
    return make(choice, choice.usual, about, options);
  }
  if (given[kind]?.name === named && first === undefined) return UNCHANGED;
  return make(choice, named, about, options);
}

async function make(
  { kind, functions }: Choice,
  name: string,
  about: readonly string[],
  { flags, logger, registry, folders }: ChooseOptions,
): Promise<unknown> {
  const core = CORE_COMPONENTS[kind].get(name);
  if (core !== undefined) {
    const odd = about.find((flag) => !core.takes.includes(flag));
    if (odd !== undefined) throw bad(`--${odd} means nothing to the ${kind} ${JSON.stringify(name)}: leave it out`);
    return core.make({ flags, logger, registry });
  }
  const known = [...CORE_COMPONENTS[kind].keys()];
  const { plugin, packageName } = await loadPlugin({ kind, name, known, folders });
  const component = await created(packageName, () => plugin.create(flags, { logger, registry }));
  const missing = functions.find((wanted) => typeof (component as Record<string, unknown>)[wanted] !== 'function');
  if (missing !== undefined) {
    await closeQuietly(component);
    throw bad(`${packageName} made a ${kind} without the function ${missing}`);
  }
  return component;
}

async function created(packageName: string, create: () => unknown): Promise<object> {
  let component: unknown;
  try {
    component = await within(CREATE_MS, `${packageName}'s create()`, async () => create());
  } catch (cause) {
    if (cause instanceof MicroError) throw cause;
    throw bad(`${packageName} cannot make its component: ${reasonOf(cause)}`, cause);
  }
  if (typeof component !== 'object' || component === null || !('name' in component)) {
    throw bad(`${packageName} made no component: its create() has to return one, with a name`);
  }
  return component;
}

async function closeQuietly(component: unknown): Promise<void> {
  const { disconnect, close, stop } = (component ?? {}) as Record<string, unknown>;
  const end = disconnect ?? close ?? stop;
  if (typeof end !== 'function') return;
  // What made it fail is the news; that it cannot be closed after that is not.
  await within(CLOSE_MS, 'closing', async () => end.call(component)).catch(() => {});
}

function bad(detail: string, cause?: unknown): MicroError {
  return new MicroError({ id: 'go.micro.cmd', code: CODE.badRequest, detail, cause });
}
