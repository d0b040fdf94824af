import type { ClientUnaryCall, Metadata, ServiceError } from '@grpc/grpc-js';
import type { Services } from 'etcd3';
import type { EtcdServer } from './etcd-server.ts';

/** One of the functions that gRPC makes of the methods of a service. */
type UnaryMethod = (
  request: unknown,
  metadata: Metadata,
  options: { readonly deadline?: number },
  callback: (error: ServiceError | null, response: unknown) => void,
) => ClientUnaryCall;

/** How long a connection may take. TCP repeats its first packet after 1, 3 and 7 seconds; a new connection is sooner. */
const DIAL_MS = 1_500;

/**
 * Calls a method of a service of a server by its name. One that has no connection to go over after 1.5 seconds is cancelled,
 * which is a `DialTimeout`.
 */
export function callUnary(
  server: EtcdServer,
  service: keyof typeof Services,
  method: string,
  request: unknown,
  metadata: Metadata,
  deadline: number,
): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const client = server.client(service);
    const methods = client as unknown as Readonly<Record<string, UnaryMethod | undefined>>;
    // Called as a method of the client, which it is.
    const run = methods[method]?.bind(client);
    if (run === undefined) throw new TypeError(`etcd has no method ${method}`);
    const options = deadline === Number.POSITIVE_INFINITY ? {} : { deadline };
    const call = run(request, metadata, options, (error, response) => {
      clearTimeout(timer);
      if (error === null) resolve(response);
      else reject(error);
    });
    const timer = setTimeout(() => {
      if (server.connected) return;
      reject(new DialTimeout(server.address));
      call.cancel();
    }, DIAL_MS);
  });
}

/** There is no connection, and nobody has refused one. */
export class DialTimeout extends Error {
  /** gRPC's number for what is unavailable. */
  readonly code = 14;

  constructor(address: string) {
    super(`no connection to ${address} within ${DIAL_MS} ms`);
  }
}
