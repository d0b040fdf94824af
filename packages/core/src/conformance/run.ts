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
}

/**
 * Declares one test per case. Throws at once for a skip that names no case, so that a skip never outlives the case it was
 * meant for, and for one without a reason.
 */
export function runConformance<World extends object>({ test, cases, world, skip = {} }: ConformanceRun<World>): void {
  for (const [name, reason] of Object.entries(skip)) {
    if (!Object.hasOwn(cases, name))
      throw new TypeError(`no case is called '${name}', so it cannot be skipped; remove the skip`);
    if (reason.trim() === '') throw new TypeError(`the skip of '${name}' has no reason; say why it cannot hold`);
  }
  for (const [name, run] of Object.entries(cases)) {
    if (Object.hasOwn(skip, name)) test.skip?.(`${name} (skipped: ${skip[name]})`, async () => {});
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

async function closeWorld(world: object): Promise<void> {
  if ('close' in world && typeof world.close === 'function') await world.close();
}
