import { Metadata } from '@grpc/grpc-js';
import { callUnary } from './call-unary.ts';
import type { EtcdServer } from './etcd-server.ts';
import { statusOf } from './etcd-status.ts';

/** What calls carry to say who they come from. */
export interface EtcdToken {
  /** The metadata of a call to that server. Asks it for a token when there is none; once for all who wait. */
  metadata(server: EtcdServer, deadline: number): Promise<Metadata>;
  /** The token that a call carried is no longer taken: unless there is another one by now, the next call asks for one. */
  forget(carried: Metadata): void;
}

/** A token for a user, which etcd forgets when it is started anew and when it is not used for some minutes. */
export function etcdToken(user: { readonly name: string; readonly password: string } | undefined): EtcdToken {
  let token: Promise<string> | undefined;
  /** The text of that, once it is there. */
  let known: string | undefined;

  const ask = async (server: EtcdServer, deadline: number): Promise<string> => {
    try {
      const response = await callUnary(server, 'Auth', 'authenticate', user, new Metadata(), deadline);
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
        known = undefined;
        asked.then(
          (text) => {
            if (token === asked) known = text;
          },
          () => {
            if (token === asked) token = undefined;
          },
        );
      }
      const text = await token;
      if (text !== '') metadata.set('token', text);
      return metadata;
    },
    forget(carried) {
      // Many calls are refused at once, and the first of them has asked anew: checking a password costs etcd a lot.
      const [text = ''] = carried.get('token');
      if (text === known) token = undefined;
    },
  };
}
