import { CODE } from '../error/code.ts';
import { MicroError } from '../error/micro-error.ts';
import { isEndpointWord, pascalCase } from '../util/go-name.ts';

/** The name of a described service on the wire: in PascalCase. Throws a 400 when it cannot stand before the dot. */
export function serviceWireName(name: string): string {
  if (isEndpointWord(name)) return pascalCase(name);
  throw new MicroError({
    code: CODE.badRequest,
    detail: `"${name}" cannot name a definition: use letters, digits and _, a letter first, such as "Greeter"`,
  });
}

/**
 * The names of methods on the wire, `Handler.Method`, in the order of the methods. Throws a 400 when one cannot stand
 * behind the dot, and when two of them have one name on the wire.
 */
export function endpointNames(service: string, methods: readonly string[]): ReadonlyMap<string, string> {
  const names = new Map<string, string>();
  const methodByName = new Map<string, string>();
  for (const method of methods) {
    if (!isEndpointWord(method)) {
      throw new MicroError({
        code: CODE.badRequest,
        detail: `"${method}" cannot name a method of ${service}: use letters, digits and _, a letter first`,
      });
    }
    const name = `${service}.${pascalCase(method)}`;
    const twin = methodByName.get(name);
    if (twin !== undefined) {
      throw new MicroError({
        code: CODE.badRequest,
        detail: `"${twin}" and "${method}" of ${service} are both ${name} on the wire: rename one of them`,
      });
    }
    methodByName.set(name, method);
    names.set(method, name);
  }
  return names;
}
