import { watchUnwritten } from './unwritten.ts';

/** Cases of a contract: a sentence that could be false, and what would show that it is. */
export type ConformanceCases<World> = Readonly<Record<string, (world: World) => Promise<void>>>;

/** A function of any test runner that declares a test; where it has a `skip` of the same shape, skipped cases stay visible. */
export interface DeclareTest {
  (name: string, run: () => Promise<void>): unknown;
  readonly skip?: ((name: string, run: () => Promise<void>) => unknown) | undefined;
}

/** What `runConformance` takes. */
export interface ConformanceRun<World extends object> {
  /** Declares a test: `test` of vitest, node:test or jest. */
  readonly test: DeclareTest;
  readonly cases: ConformanceCases<World>;
  /**
   * Makes the private universe of one case. Parts made in one world see each other, parts of two worlds never do. If it
   * has a `close`, that runs after the case, however the case ended.
   */
  readonly world: () => World | Promise<World>;
  /** Cases that are not run, each with its reason. A name that is not among the cases throws. */
  readonly skip?: Readonly<Record<string, string>> | undefined;
  /**
   * For an implementation that is still being written: a case that calls a method which throws 501 `notImplemented` is
   * reported as to do, under the name of that method, and neither as passed nor as failed. It asks for a runner whose tests
   * can say so of themselves, such as node:test; under another one such a case fails. Default false.
   */
  readonly todo?: boolean | undefined;
}

/**
 * Declares one test per case. Throws at once for a skip that names no case, so that a skip never outlives the case it was
 * meant for, and for one without a reason.
 */
export function runConformance<World extends object>({
  test,
  cases,
  world,
  skip = {},
  todo = false,
}: ConformanceRun<World>): void {
  for (const [name, reason] of Object.entries(skip)) {
    if (!Object.hasOwn(cases, name))
      throw new TypeError(`no case is called '${name}', so it cannot be skipped; remove the skip`);
    if (reason.trim() === '') throw new TypeError(`the skip of '${name}' has no reason; say why it cannot hold`);
  }
  for (const [name, run] of Object.entries(cases)) {
    if (Object.hasOwn(skip, name)) test.skip?.(`${name} (skipped: ${skip[name]})`, async () => {});
    // Some runners count the parameters of a test, so that there are none: what a test is given is in the rest.
    else if (todo) test(name, (...given: readonly unknown[]) => runUnfinished(run, world, given[0]));
    else test(name, () => runCase(run, world));
  }
}

async function runCase<World extends object>(
  run: (world: World) => Promise<void>,
  makeWorld: () => World | Promise<World>,
): Promise<void> {
  const world = await makeWorld();
  try {
    await run(world);
  } catch (error) {
    // What the case found is the news; a world that cannot be closed after it is most often a consequence.
    await closeWorld(world).catch(() => undefined);
    throw error;
  }
  await closeWorld(world);
}

/** Runs a case up to the first method that is not written yet, if it comes to one. */
async function runUnfinished<World extends object>(
  run: (world: World) => Promise<void>,
  makeWorld: () => World | Promise<World>,
  context: unknown,
): Promise<void> {
  let unwritten: string | undefined;
  const runWatched = (world: World): Promise<void> =>
    new Promise((resolve, reject) => {
      const watched = watchUnwritten(world, (method) => {
        unwritten = method;
        resolve();
      });
      run(watched).then(resolve, reject);
    });
  await runCase(runWatched, makeWorld);
  if (unwritten !== undefined) markTodo(context, `${unwritten} is not written yet`);
}

function markTodo(context: unknown, reason: string): void {
  const { todo } = Object(context) as { readonly todo?: unknown };
  if (typeof todo !== 'function') throw new Error(`${reason}; this runner cannot report that as to do`);
  todo.call(context, reason);
}

async function closeWorld(world: object): Promise<void> {
  if ('close' in world && typeof world.close === 'function') await world.close();
}
