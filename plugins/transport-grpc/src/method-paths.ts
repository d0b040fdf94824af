import type { Definition, Endpoint, UntypedRequest } from '@micro/core';

/** A path of gRPC, `/package.Service/Method`, and the endpoint that it leads to. */
export interface MethodPath {
  readonly path: string;
  readonly endpoint: Endpoint;
}

/**
 * The paths by which a service is called: that of its .proto; go-micro's, which has the name of the service in place of the
 * package; and the bare name, for a client that knows no package.
 */
export function methodPaths({ endpoints }: Definition, serviceName: string | undefined): readonly MethodPath[] {
  return endpoints.flatMap((endpoint) => {
    const paths = new Set([goPath('', endpoint.name)]);
    if (serviceName !== undefined) paths.add(goPath(serviceName, endpoint.name));
    if (endpoint.proto !== undefined) paths.add(protoPath(endpoint.proto));
    return [...paths].map((path) => ({ path, endpoint }));
  });
}

/** Where to call an endpoint: the path of its .proto where that is known, else go-micro's. */
export function pathOf({ service, endpoint }: UntypedRequest, known: Endpoint | undefined): string {
  return known?.proto === undefined ? goPath(service, endpoint) : protoPath(known.proto);
}

function protoPath({ parent, name }: NonNullable<Endpoint['proto']>): string {
  return `/${parent.typeName}/${name}`;
}

/** go-micro's rule: `Handler.Method` of `service` is `/service.Handler/Method`, and `/path` is itself. */
function goPath(service: string, endpoint: string): string {
  if (endpoint.startsWith('/')) return endpoint;
  const [handler = '', method = ''] = endpoint.split('.');
  return service === '' ? `/${handler}/${method}` : `/${service}.${handler}/${method}`;
}
