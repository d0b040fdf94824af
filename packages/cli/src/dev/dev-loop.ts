import { extname, relative } from 'node:path';
import { createOrphanGuard, inTurn, onAbort } from '@micro/core/plugin';
import { detailOf } from '../console/detail-of.ts';
import { EXIT } from '../console/exit-code.ts';
import type { Terminal } from '../console/terminal.ts';
import { generateProto, protoFolder } from '../proto/generate-proto.ts';
import { createDevService, type DevService } from './dev-service.ts';
import { preload } from './node-command.ts';
import { createDevOutput } from './output.ts';
import type { PlannedService } from './plan.ts';
import { sampleCall } from './sample-call.ts';
import { startVersion } from './version.ts';
import { type Watch, watchFiles } from './watch.ts';
import { isWithin } from './watched.ts';

/** What `micro run` runs, and how. */
export interface DevLoopOptions {
  /** Each after those that it depends on. */
  readonly services: readonly PlannedService[];
  readonly terminal: Terminal;
  /** Reads the variables that all services get. */
  readonly environment: () => Promise<Terminal['env']>;
  /** The files that `environment` reads, as absolute paths: what changes them makes all services restart. */
  readonly environmentFiles: readonly string[];
  /** The files that `services` was made of: that they change is told of. */
  readonly settingsFiles: readonly string[];
  /** Patterns of what is watched too, and of what is not; `undefined` watches nothing. */
  readonly watch: { readonly more: readonly string[]; readonly ignore: readonly string[] } | undefined;
  /** How long a version may take to end after SIGTERM, in milliseconds; 0 is not at all. */
  readonly graceMs: number;
  readonly stopFirst: boolean;
  /** The port of the first service's debugger; the others have those after it. Default: no debugger. */
  readonly inspect: number | undefined;
  /** The words that a command which calls one of the services begins with. */
  readonly call: readonly string[];
  readonly say: (line: string) => void;
  /** Ends all of it. */
  readonly signal: AbortSignal;
}

/** A service that needs others waits so long for them, and is started all the same then. */
const DEPENDENCY_MS = 30_000;

/**
 * Runs services, each as a child process, and replaces those whose files change, until the signal aborts; without a watch also
 * until all of them have ended. Returns the exit code: 1 when a service that has ended had failed. Nothing that it started is
 * left when it returns, nor when this process ends in another way.
 */
export async function devLoop(options: DevLoopOptions): Promise<number> {
  const { services, terminal, graceMs, signal } = options;
  const names = services.map(({ name }) => name);
  const inOrder = inTurn();
  /** Aborts when all of it is to end, for whatever reason. */
  const ending = new AbortController();
  const output = createDevOutput({ terminal, services: names, say: options.say, signal: ending.signal });
  const guard = createOrphanGuard(graceMs);
  const groups = new Set<number>();
  const running = new Map<PlannedService, DevService>();
  let sayWhenUp = true;
  const end = (): void => ending.abort();

  const environmentOf = async (service: PlannedService): Promise<NodeJS.ProcessEnv> => {
    const env = { ...(await options.environment()), ...service.env };
    if (service.isNode) return env;
    // What a command of the user's own starts may be Node all the same, and is watched in the same way then.
    return { ...env, NODE_OPTIONS: [env.NODE_OPTIONS, `--import ${preload()}`].filter(Boolean).join(' ') };
  };

  const onState = (): void => {
    const all = [...running.values()];
    if (all.length < services.length) return;
    if (options.watch === undefined && all.every(({ state }) => state === 'idle')) end();
    if (!sayWhenUp || all.some(({ state }) => state !== 'up')) return;
    sayWhenUp = false;
    const [sample] = all.flatMap(({ started }) => (started && sampleCall(started, options.call)) ?? []);
    output.say(
      `${all.length === 1 ? 'it is' : `all ${all.length} are`} up${sample === undefined ? '' : `; try: ${sample}`}`,
    );
  };

  const make = (service: PlannedService, at: number): DevService =>
    createDevService({
      async launch({ patienceMs, needsServer }) {
        const version = await startVersion({
          command: service.command,
          folder: service.folder,
          env: await environmentOf(service),
          graceMs,
          guard,
          patienceMs,
          needsServer,
          onLine: (stream, line) => output.line(service.name, stream, line),
        });
        groups.add(version.pid);
        void version.ended.then(() => groups.delete(version.pid));
        return version;
      },
      shown: service.shown,
      stopFirst: options.stopFirst,
      inspectPort: options.inspect === undefined ? undefined : options.inspect + at,
      isWatched: options.watch !== undefined,
      say: (text) => output.say(text, service.name),
      onState,
    });

  /** Starts a service when those that it depends on are up. */
  const starting = new Map<string, Promise<void>>();
  const startInOrder = async (service: PlannedService, own: DevService): Promise<void> => {
    const awaited = service.depends.map((name) => starting.get(name));
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<'late'>((resolve) => {
      timer = setTimeout(resolve, DEPENDENCY_MS, 'late');
    });
    const outcome = await Promise.race([Promise.all(awaited), late]);
    clearTimeout(timer);
    if (ending.signal.aborted) return;
    if (outcome === 'late') output.say('starts although not all that it depends on is up', service.name);
    await own.start();
  };

  const onChange = async (files: readonly string[]): Promise<void> => {
    const shown = (file = ''): string => relative(terminal.cwd, file);
    const settings = files.filter((file) => options.settingsFiles.includes(file));
    for (const file of settings) output.say(`${shown(file)} changed: start micro run again to use it`);
    const code = files.filter((file) => !settings.includes(file));
    const affected = services.flatMap((service) => {
      const its = code.filter((file) => options.environmentFiles.includes(file) || concerns(file, service, services));
      return its.length === 0 ? [] : [{ service, its }];
    });
    for (const { service, its } of affected) {
      const others = its.length === 1 ? '' : ` and ${its.length - 1} more`;
      output.say(`${shown(its[0])}${others} changed`, service.name);
    }
    if (!(await generated(code))) return;
    for (const { service } of affected) void running.get(service)?.replace();
  };

  /** Writes code anew that is made of files that have changed. Resolves with whether the services can be started with it. */
  const generated = async (files: readonly string[]): Promise<boolean> => {
    const folders = files.filter((file) => extname(file) === '.proto').map(protoFolder);
    for (const folder of new Set(folders)) {
      if (folder === undefined) continue;
      try {
        await generateProto({ folder, env: terminal.env, signal: ending.signal });
        output.say(`generated the code of ${relative(terminal.cwd, folder) || '.'} anew`);
      } catch (error) {
        if (!ending.signal.aborted) output.say(`${detailOf(error)}\nwaiting for a change`);
        return false;
      }
    }
    return true;
  };

  // When somebody does not want to wait for the end, or something fails here, nothing is left either.
  const killAll = (): void => {
    for (const group of groups) kill(group);
  };
  process.once('exit', killAll);
  terminal.stdout.once('error', end);
  const detach = onAbort(signal, end);

  let watch: Watch | undefined;
  try {
    if (options.watch !== undefined) {
      watch = watchFiles({
        cwd: terminal.cwd,
        roots: services.flatMap(({ roots }) => roots),
        files: [...options.environmentFiles, ...options.settingsFiles],
        watch: options.watch.more,
        ignore: options.watch.ignore,
        onChange: (files) => void inOrder(() => onChange(files)),
        onError: (reason) => output.say(`not everything can be watched: ${reason}`),
      });
      await watch.ready;
    }
    output.say(
      `${names.join(', ')}: ${watch === undefined ? 'nothing is watched' : 'watching for changes'}; Ctrl-C ends`,
    );
    for (const [at, service] of services.entries()) running.set(service, make(service, at));
    for (const [service, own] of running) starting.set(service.name, startInOrder(service, own));
    await new Promise<void>((resolve) => onAbort(ending.signal, resolve));
  } finally {
    end();
    detach?.();
    await watch?.close();
    await stopInOrder(services, running);
    guard.close();
    process.off('exit', killAll);
    terminal.stdout.off('error', end);
  }
  return [...running.values()].some(({ hasFailed }) => hasFailed) ? EXIT.failed : EXIT.ok;
}

/** Whether a file is of a service; one that is of none was asked for by a pattern, and is of all. */
function concerns(file: string, { roots }: PlannedService, all: readonly PlannedService[]): boolean {
  const isIts = (candidates: PlannedService['roots']): boolean =>
    candidates.some(({ folder }) => isWithin(file, folder));
  return isIts(roots) || !all.some((service) => isIts(service.roots));
}

/** Each service ends when those that depend on it have. */
async function stopInOrder(
  services: readonly PlannedService[],
  running: ReadonlyMap<PlannedService, DevService>,
): Promise<void> {
  const stopping = new Map<string, Promise<unknown>>();
  for (const service of [...services].reverse()) {
    const dependents = services.filter(({ depends }) => depends.includes(service.name));
    const before = Promise.all(dependents.map(({ name }) => stopping.get(name)));
    stopping.set(
      service.name,
      before.then(() => running.get(service)?.stop()),
    );
  }
  await Promise.all(stopping.values());
}

function kill(group: number): void {
  try {
    process.kill(process.platform === 'win32' ? group : -group, 'SIGKILL');
  } catch {
    // It has ended.
  }
}
