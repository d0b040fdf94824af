import { within } from '../util/within.ts';

/** Anything that can be closed. */
interface Closable {
  readonly name: string;
  close?(): Promise<void>;
  disconnect?(): Promise<void>;
  stop?(): Promise<void>;
}

/**
 * How many services hold a component. Two services may be given one registry or transport (in tests and in one process
 * they often are); it is closed when the last of them lets go of it.
 */
const holders = new WeakMap<Closable, number>();

/** No component is waited for longer than this. */
const CLOSE_MS = 10_000;

/** A service begins to use its components. */
export function hold(components: readonly Closable[]): void {
  for (const component of components) holders.set(component, (holders.get(component) ?? 0) + 1);
}

/** A service has finished with its components: in the order given, those that nobody else holds are closed. */
export async function release(components: readonly Closable[], failed: (error: unknown) => void): Promise<void> {
  for (const component of components) {
    const left = (holders.get(component) ?? 1) - 1;
    holders.set(component, left);
    if (left > 0) continue;
    try {
      await within(
        CLOSE_MS,
        `closing ${component.name}`,
        async () => component.disconnect?.() ?? component.close?.() ?? component.stop?.(),
      );
    } catch (error) {
      failed(error);
    }
  }
}
