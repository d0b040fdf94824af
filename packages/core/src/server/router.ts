import type { Context } from '../contract/context.ts';
import type { Definition, Endpoint } from '../contract/definition.ts';
import type { Handler, Middleware } from '../contract/middleware.ts';
import type { RegisteredEndpoint } from '../contract/registry.ts';
import type { HandleOptions } from '../contract/server.ts';
import { CODE } from '../error/code.ts';
import { MicroError } from '../error/micro-error.ts';
import { compose } from '../middleware/compose.ts';
import { registeredEndpoint } from '../rpc/endpoint-value.ts';

/** An endpoint and the function that serves it, with the middleware around it. */
export interface Route {
  readonly endpoint: Endpoint;
  readonly handler: Handler;
}

/** Knows which function serves which endpoint. */
export interface Router {
  /** Adds a described service. Throws 409 for a name that is served already and 400 for a function that is missing. */
  add(definition: Definition, handlers: object, options?: HandleOptions): void;
  /** The route of an endpoint. Throws go-micro's errors for one that is not there. */
  find(endpoint: string): Route;
  /** What the registry is told, sorted by name. */
  endpoints(): readonly RegisteredEndpoint[];
  /** Calls back with each service, and whether it is internal: those that are there now, later ones when they are added. */
  follow(each: (service: Definition, internal: boolean) => void): void;
}

type Method = (request: unknown, ctx: Context) => unknown;

/** Makes a router; the middleware is put around each handler once, when it is added. */
export function createRouter(middleware: readonly Middleware[]): Router {
  const services = new Map<string, Map<string, Route>>();
  const listed: RegisteredEndpoint[] = [];
  const served: { readonly definition: Definition; readonly internal: boolean }[] = [];
  let follower: ((service: Definition, internal: boolean) => void) | undefined;

  return {
    add(definition, handlers, options = {}) {
      if (services.has(definition.name)) {
        throw new MicroError({
          code: CODE.conflict,
          detail: `${definition.name} is served already: a handler name can be used once per server`,
        });
      }
      const routes = new Map<string, Route>();
      for (const endpoint of definition.endpoints) {
        const method = methodOf(handlers, endpoint);
        // Bound once: the handlers may be an instance that needs its `this`.
        const innermost: Handler = (request, ctx) => method.call(handlers, request.body, ctx);
        routes.set(endpoint.name, { endpoint, handler: compose(middleware, innermost) });
      }
      services.set(definition.name, routes);
      const internal = options.internal === true;
      served.push({ definition, internal });
      follower?.(definition, internal);
      if (!internal) {
        listed.push(...definition.endpoints.map((endpoint) => registeredEndpoint(endpoint, options.endpointMetadata)));
        listed.sort((a, b) => (a.name < b.name ? -1 : 1));
      }
    },
    find(endpoint) {
      const [service, method, ...rest] = endpoint.split('.');
      if (!service || !method || rest.length > 0) {
        throw new MicroError({
          id: 'go.micro.server',
          code: CODE.badRequest,
          detail: `rpc: service/endpoint request ill-formed: ${endpoint.slice(0, 200)}`,
        });
      }
      const routes = services.get(service);
      if (routes === undefined) throw missing('service', service, [...services.keys()]);
      const route = routes.get(endpoint);
      if (route === undefined)
        throw missing(
          'method',
          method,
          [...routes.values()].map((known) => known.endpoint.name.slice(service.length + 1)),
        );
      return route;
    },
    endpoints: () => [...listed],
    follow(each) {
      follower = each;
      for (const { definition, internal } of served) each(definition, internal);
    },
  };
}

function methodOf(handlers: object, endpoint: Endpoint): Method {
  const method: unknown = (handlers as Record<string, unknown>)[endpoint.method];
  if (typeof method === 'function') return method as Method;
  throw new MicroError({
    code: CODE.badRequest,
    detail: `${endpoint.name} has no handler: give a function named ${endpoint.method}`,
  });
}

function missing(kind: 'service' | 'method', name: string, known: readonly string[]): MicroError {
  const shown = known.slice(0, 10).join(', ');
  return new MicroError({
    id: 'go.micro.server',
    code: CODE.notFound,
    detail: `rpc: can't find ${kind} ${name.slice(0, 100)}${shown === '' ? '' : ` (there is ${shown})`}`,
  });
}
