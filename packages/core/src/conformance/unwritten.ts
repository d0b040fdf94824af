import { CODE } from '../error/code.ts';
import { MicroError } from '../error/micro-error.ts';

/**
 * The same world, whose components tell of the first method that throws 501 `notImplemented`. From then on such methods do
 * not return: a case that tries again until its time is over would only hold up the others.
 */
export function watchUnwritten<World extends object>(world: World, tell: (method: string) => void): World {
  let told = false;

  const failed = (method: string, error: unknown): Promise<never> => {
    if (!isUnwritten(error)) throw error;
    if (told) return new Promise(() => {});
    told = true;
    tell(method);
    // Whoever has set a timer for the method clears it.
    throw error;
  };

  const watched = (component: object): object =>
    // Not a proxy of the component itself: the methods of one that is frozen could not be others.
    new Proxy(Object.create(null) as object, {
      get(_, key) {
        const member: unknown = Reflect.get(component, key);
        if (typeof member !== 'function') return member;
        return (...given: unknown[]): unknown => {
          try {
            const result: unknown = member.apply(component, given);
            return result instanceof Promise ? result.catch((error) => failed(String(key), error)) : result;
          } catch (error) {
            return failed(String(key), error);
          }
        };
      },
    });

  const { create } = world as { readonly create?: unknown };
  if (typeof create !== 'function') return world;
  const createWatched = async (...given: unknown[]): Promise<object> => watched(await create.apply(world, given));
  return Object.create(world, { create: { value: createWatched } });
}

function isUnwritten(error: unknown): boolean {
  return error instanceof MicroError && error.code === CODE.notImplemented;
}
