import type { Definition, Endpoint } from '../contract/definition.ts';
import type { PlainHandlers } from '../contract/typed.ts';
import { CODE } from '../error/code.ts';
import { MicroError } from '../error/micro-error.ts';
import { pascalCase } from '../util/go-name.ts';
import { endpointNames, serviceWireName } from './endpoint-name.ts';

/**
 * The definition of a plain object of functions: each a unary endpoint that takes and returns any JSON value. Its methods
 * are its own enumerable functions and, for an instance of a class, those of its class and the classes above. As Go leaves
 * out what is not exported, a name with a leading underscore is left out; so is `constructor`, and getters never run.
 *
 * Throws a 400 when there is no function, when a function is a generator (a stream has to be described), and when names
 * cannot stand on the wire or clash there.
 */
export function describePlain(name: string, handlers: PlainHandlers | object): Definition {
  const service = serviceWireName(name);
  const methods = [...functionsOf(handlers)];
  if (methods.length === 0) {
    throw badRequest(
      `there is no function to serve as ${service}: give at least one, such as { async hello(request) {} }`,
    );
  }
  for (const [method, handler] of methods) {
    if (isGenerator(handler)) {
      throw badRequest(
        `${service}.${method} is a generator: describe it with serverStream() or bidiStream() in defineService()`,
      );
    }
  }
  const names = endpointNames(
    service,
    methods.map(([method]) => method),
  );
  const endpoints = methods.map(
    ([method]): Endpoint => ({
      name: names.get(method) ?? method,
      method,
      kind: 'unary',
      input: { name: `${pascalCase(method)}Request` },
      output: { name: `${pascalCase(method)}Response` },
      idempotent: false,
      metadata: {},
    }),
  );
  return { name: service, endpoints };
}

function functionsOf(handlers: object): ReadonlyMap<string, object> {
  const found = new Map<string, object>();
  for (const [name, handler] of ownFunctions(handlers)) {
    if (Object.prototype.propertyIsEnumerable.call(handlers, name)) found.set(name, handler);
  }
  let level: unknown = Object.getPrototypeOf(handlers);
  while (typeof level === 'object' && level !== null && level !== Object.prototype) {
    // The nearer class overrides, and an own property hides what it stands for even when it is no function.
    for (const [name, handler] of ownFunctions(level)) {
      if (!found.has(name) && !Object.hasOwn(handlers, name)) found.set(name, handler);
    }
    level = Object.getPrototypeOf(level);
  }
  return found;
}

function ownFunctions(object: object): readonly (readonly [string, object])[] {
  return Object.entries(Object.getOwnPropertyDescriptors(object)).flatMap(([name, { value }]) =>
    typeof value === 'function' && name !== 'constructor' && !name.startsWith('_') ? [[name, value] as const] : [],
  );
}

function isGenerator(handler: object): boolean {
  const tag = Object.prototype.toString.call(handler);
  return tag === '[object GeneratorFunction]' || tag === '[object AsyncGeneratorFunction]';
}

function badRequest(detail: string): MicroError {
  return new MicroError({ code: CODE.badRequest, detail });
}
