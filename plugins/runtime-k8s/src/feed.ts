import { at, textAt } from './json.ts';
import { type Reflection, reflect } from './reflect.ts';

/** The Deployments and Pods of a namespace that a selector finds, as they are now. */
export interface Feed {
  readonly deployments: ReadonlyMap<string, unknown>;
  readonly pods: ReadonlyMap<string, unknown>;
  /** Resolves when both were read for the first time. Throws what the first reading ended with. */
  readonly ready: Promise<void>;
  /** Resolves when something has changed since it was asked for last, or the signal aborted. Throws when it cannot go on. */
  changed(): Promise<void>;
}

/** What a feed is made of. */
export type FeedOptions = Pick<Reflection, 'api' | 'selector' | 'watchMs' | 'graceMs' | 'signal'> & {
  readonly namespace: string;
};

/** Begins to follow the Deployments and Pods of a namespace, until the signal aborts. */
export function openFeed({ namespace, ...options }: FeedOptions): Feed {
  const { signal } = options;
  let isNew = false;
  let failure: { readonly error: unknown } | undefined;
  let wake: () => void = () => {};
  const tell = (): void => {
    isNew = true;
    wake();
  };

  const follow = (kind: string, path: string, into: Map<string, unknown>): Promise<void> =>
    new Promise((resolve, reject) => {
      const whole = reflect({
        ...options,
        path,
        what: `watching the ${kind} of ${namespace}`,
        replace(objects) {
          into.clear();
          for (const object of objects) into.set(keyOf(object), object);
          resolve();
          tell();
        },
        change(type, object) {
          if (type === 'set') into.set(keyOf(object), object);
          else into.delete(keyOf(object));
          tell();
        },
      });
      whole.then(resolve, (error: unknown) => {
        failure ??= { error };
        reject(error);
        tell();
      });
    });

  const deployments = new Map<string, unknown>();
  const pods = new Map<string, unknown>();
  const ready = Promise.all([
    follow('Deployments', deploymentsPath(namespace), deployments),
    follow('Pods', podsPath(namespace), pods),
  ]).then(() => {
    // What was there at the beginning is no change.
    isNew = failure !== undefined;
  });
  // Whoever asks for changes hears of it.
  ready.catch(() => {});
  signal.addEventListener('abort', () => wake(), { once: true });

  return {
    deployments,
    pods,
    ready,
    async changed() {
      while (!isNew && failure === undefined && !signal.aborted) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
      isNew = false;
      if (failure !== undefined && !signal.aborted) throw failure.error;
    },
  };
}

/** The collection of Deployments. The namespace was checked. */
export function deploymentsPath(namespace: string): string {
  return `/apis/apps/v1/namespaces/${namespace}/deployments`;
}

/** The collection of Services. */
export function servicesPath(namespace: string): string {
  return `/api/v1/namespaces/${namespace}/services`;
}

/** The collection of Pods. */
export function podsPath(namespace: string): string {
  return `/api/v1/namespaces/${namespace}/pods`;
}

/** The one of a name that was deleted is another object than the one that was made after it. */
function keyOf(object: unknown): string {
  return textAt(at(object, 'metadata'), 'uid') ?? '';
}
