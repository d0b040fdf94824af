import { type Client, Metadata, type ServiceError } from '@grpc/grpc-js';
import type { EtcdServer } from './etcd-server.ts';
import { statusOf } from './etcd-status.ts';

/** What calls carry to say who they come from. */
export interface EtcdToken {
  /** The metadata of a call to that server. Asks it for a token when there is none; once for all who wait. */
  metadata(server: EtcdServer, deadline: number): Promise<Metadata>;
  /** The token is no longer taken: the next call asks for another one. */
  forget(): void;
}

/** One of the functions that gRPC makes of the methods of a service. */
export type UnaryMethod = (
  request: unknown,
  metadata: Metadata,
  options: { readonly deadline?: number },
  callback: (error: ServiceError | null, response: unknown) => void,
) => unknown;

/** Calls a method of a service by its name. */
export function callUnary(
  client: Client,
  method: string,
  request: unknown,
  metadata: Metadata,
  deadline: number,
): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const methods = client as unknown as Readonly<Record<string, UnaryMethod | undefined>>;
    const options = deadline === Number.POSITIVE_INFINITY ? {} : { deadline };
    // Called as a method of the client, which it is.
    const run = methods[method]?.bind(client);
    if (run === undefined) throw new TypeError(`etcd has no method ${method}`);
    run(request, metadata, options, (error, response) => (error === null ? resolve(response) : reject(error)));
  });
}

/** A token for a user, which etcd forgets when it is started anew and when it is not used for some minutes. */
export function etcdToken(user: { readonly name: string; readonly password: string } | undefined): EtcdToken {
  let token: Promise<string> | undefined;

  const ask = async (server: EtcdServer, deadline: number): Promise<string> => {
    try {
      const response = await callUnary(server.client('Auth'), 'authenticate', user, new Metadata(), deadline);
      return (response as { readonly token: string }).token;
    } catch (error) {
      // As Go's client has it: an etcd that asks nobody for a name takes one who has one.
      if (statusOf(error).details.includes('authentication is not enabled')) return '';
      throw error;
    }
  };

  return {
    async metadata(server, deadline) {
      const metadata = new Metadata();
      if (user === undefined) return metadata;
      if (token === undefined) {
        const asked = ask(server, deadline);
        token = asked;
        asked.catch(() => {
          if (token === asked) token = undefined;
        });
      }
      const text = await token;
      if (text !== '') metadata.set('token', text);
      return metadata;
    },
    forget() {
      token = undefined;
    },
  };
}
