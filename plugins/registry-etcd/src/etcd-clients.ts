import type { CallOptions, Metadata } from '@grpc/grpc-js';
import { fullJitterMs, pause } from '@micro/core/plugin';
import { type Etcd3, type ICallable, KVClient, LeaseClient, type Services, WatchClient } from 'etcd3';
import { callUnary, DialTimeout } from './call-unary.ts';
import type { EtcdSettings } from './etcd-options.ts';
import { type EtcdServer, etcdServer, type MakeCredentials, type Stream } from './etcd-server.ts';
import { isElecting, isTokenLost, isUnreachable, STATUS, statusOf } from './etcd-status.ts';
import { etcdToken } from './etcd-token.ts';

/** The parts of etcd3's client that a registry needs. An `Etcd3` has them, too. */
export type EtcdClients = Pick<Etcd3, 'kv' | 'leaseClient' | 'watchClient'>;

/** Clients, and what closes those of their connections that were opened here. */
export interface OpenClients extends EtcdClients {
  close(): void;
}

/** The user's client, or clients for the user's settings. */
export function openClients(settings: EtcdSettings, makeCredentials: MakeCredentials): OpenClients {
  const { client } = settings;
  if (client === undefined) return dialEtcd(settings, makeCredentials);
  return { kv: client.kv, leaseClient: client.leaseClient, watchClient: client.watchClient, close() {} };
}

/** How long one of several servers may take before the next one is asked, when the call itself has no deadline. */
const USUAL_SHARE_MS = 5_000;
const FIRST_PAUSE_MS = 50;
const LONGEST_PAUSE_MS = 500;

/**
 * etcd3's clients without etcd3's way with faults (three tries that each take a whole deadline, and a circuit breaker that
 * still refuses when etcd is back). A call stays with one server until it does not answer, and then asks the next one within
 * the same deadline; it is done over a new connection, so that nothing waits for the pauses of the old one. Each thing that
 * a registry asks of etcd may be done twice.
 */
function dialEtcd({ hosts, user, tls }: EtcdSettings, makeCredentials: MakeCredentials): OpenClients {
  const servers = hosts.addresses.map((address) => etcdServer(address, makeCredentials, tls?.serverName));
  const token = etcdToken(user);
  // Not all services of a system lean on the server that stands first in their settings.
  let at = Math.floor(Math.random() * servers.length);
  let closed = false;

  const current = (): EtcdServer => {
    const server = servers[at % servers.length];
    if (server === undefined || closed) throw new Error('the connection to etcd was closed');
    return server;
  };

  const leave = (server: EtcdServer): void => {
    if (servers[at % servers.length] === server) at++;
  };

  const call = async (
    service: keyof typeof Services,
    method: string,
    payload: unknown,
    end: number,
  ): Promise<unknown> => {
    // A single server gets a second try: what it was called over may have been the connection of its former life.
    const tries = Math.max(2, servers.length);
    let renewed = false;
    for (let attempt = 1; ; attempt++) {
      const server = current();
      const begunAt = performance.now();
      // Opened by now, so that what fails is what it went over.
      server.client(service);
      const { line } = server;
      let metadata: Metadata | undefined;
      try {
        const deadline = shareOf(end, servers.length - attempt + 1);
        metadata = await token.metadata(server, deadline);
        const response = await callUnary(server, service, method, payload, metadata, deadline);
        server.heard();
        return response;
      } catch (error) {
        const status = statusOf(error);
        if (isTokenLost(status) && metadata !== undefined && user !== undefined && !renewed) {
          renewed = true;
          token.forget(metadata);
          continue;
        }
        if (!isUnreachable(status)) throw error;
        const electing = isElecting(status);
        if (!electing) server.suspect(line, begunAt);
        leave(server);
        const mayPass = electing || error instanceof DialTimeout;
        if (closed || Date.now() >= end || (attempt >= tries && !mayPass)) throw error;
        if (attempt >= servers.length) {
          await pause(fullJitterMs(FIRST_PAUSE_MS, LONGEST_PAUSE_MS, attempt - servers.length));
        }
      }
    }
  };

  const callable: ICallable<Line> = {
    callOptionsFactory: undefined,
    exec: async <T>(service: keyof typeof Services, method: string, payload: unknown, options?: CallOptions) =>
      // What the method answers is what etcd3 says it does.
      (await call(service, method, payload, endOf(options))) as T,
    async withConnection(service, run) {
      const server = current();
      const client = server.client(service);
      const resource = { server, line: server.line, begunAt: performance.now() };
      const metadata = (await token.metadata(server, Date.now() + USUAL_SHARE_MS)).clone();
      // Ends a watch at a server that has lost the others, where it would wait for ever.
      metadata.set('hasleader', 'true');
      const made = await run({ resource, client, metadata });
      if (isStream(made)) server.carry(made);
      return made;
    },
    markFailed({ server, line, begunAt }, error) {
      const status = statusOf(error);
      // We cancel streams ourselves, which says nothing about the server.
      if (!isUnreachable(status) || status.code === STATUS.cancelled) return;
      if (!isElecting(status)) server.suspect(line, begunAt);
      leave(server);
    },
  };

  return {
    kv: new KVClient(callable),
    leaseClient: new LeaseClient(callable),
    watchClient: new WatchClient(callable),
    close() {
      closed = true;
      for (const server of servers) server.close();
    },
  };
}

function isStream(made: unknown): made is Stream {
  return typeof made === 'object' && made !== null && 'cancel' in made && 'once' in made;
}

/** What a stream goes over. */
interface Line {
  readonly server: EtcdServer;
  readonly line: object | undefined;
  readonly begunAt: number;
}

/** The part of the time that is left for one of so many servers; the last one has all of it. */
function shareOf(end: number, servers: number): number {
  if (servers <= 1) return end;
  const now = Date.now();
  return now + Math.min((end - now) / servers, USUAL_SHARE_MS);
}

function endOf(options: CallOptions | undefined): number {
  const deadline = options?.deadline;
  return deadline === undefined ? Number.POSITIVE_INFINITY : Number(deadline);
}
