import {
  type Client,
  type ClientSettings,
  CODE,
  createService,
  MicroError,
  memoryRegistry,
  type Node,
  type Selector,
  silentLogger,
} from '@micro/core';
import type { GrpcTransportOptions } from './grpc-options.ts';
import { grpcTransport } from './grpc-transport.ts';

/** What a gRPC client may be told: where the server is, beside what any client and the transport may be told. */
export interface GrpcClientOptions extends ClientSettings, Omit<GrpcTransportOptions, 'protocol'> {
  /** `host:port`, or a URL: `http://host:port`, `https://host:port` for TLS. Several: they take turns. */
  readonly address: string | readonly string[];
}

/**
 * A client for gRPC servers at known addresses, micro's or anybody's: `grpcClient({ address }).of(Greeter, 'greeter')`. It is
 * micro's own client (deadlines, retries of what did not run, middleware, streams) and speaks protobuf unless it is told
 * otherwise. Who finds servers in a registry gives a service `grpcTransport()` instead. Throws 400 for what is no address.
 */
export function grpcClient(options: GrpcClientOptions): Client {
  const places = (typeof options.address === 'string' ? [options.address] : options.address).map(placeOf);
  const secure = places.some(({ tls }) => tls === true);
  if (places.length === 0 || (secure && places.some(({ tls }) => tls === false))) {
    throw bad(options.address, 'give at least one address, and all of them with TLS or all without');
  }
  const { middleware, contentType = 'application/protobuf', timeoutMs, streamTimeoutMs, connectTimeoutMs } = options;
  const { retries, retry, backoff, address: _, tls = secure ? {} : undefined, ...limits } = options;
  // A service that is never started: what it has of a client is all that is wanted.
  const service = createService({
    name: 'grpc-client',
    logger: silentLogger(),
    registry: memoryRegistry(),
    selector: takeTurns(places.map(({ address }) => address)),
    transport: grpcTransport({ ...limits, tls, protocol: 'grpc' }),
    debug: { endpoints: false, health: false, logLines: 0 },
    client: { middleware, contentType, timeoutMs, streamTimeoutMs, connectTimeoutMs, retries, retry, backoff },
  });
  return { ...service.client, name: 'grpc', close: () => service.stop() };
}

/** One address after the other, and not one that has just failed while there are others. */
function takeTurns(addresses: readonly string[]): Selector {
  const nodes: readonly Node[] = addresses.map((address) => ({ id: address, address, metadata: { protocol: 'grpc' } }));
  let turn = Math.floor(Math.random() * nodes.length);
  return {
    name: 'addresses',
    select(service, { exclude = [] } = {}) {
      const left = nodes.filter((node) => !exclude.includes(node));
      const candidates = left.length > 0 ? left : nodes;
      const node = candidates[turn++ % candidates.length];
      if (node === undefined) throw bad(service, 'no address is left');
      return node;
    },
    mark() {},
    reset() {},
    async close() {},
  };
}

function placeOf(given: string): { readonly address: string; readonly tls: boolean | undefined } {
  const match = /^(?:(https?):\/\/)?((?:\[[0-9a-f:.%]+\]|[^\s/@:[\]]*):(\d{1,5}))\/?$/i.exec(String(given));
  const [, scheme, address, port] = match ?? [];
  if (address === undefined || Number(port) < 1 || Number(port) > 65_535) {
    throw bad(given, 'use host:port, http://host:port or https://host:port');
  }
  return { address, tls: scheme === undefined ? undefined : scheme.toLowerCase() === 'https' };
}

function bad(given: unknown, remedy: string): MicroError {
  // What stands before an `@` may be a password.
  const shown = JSON.stringify(given)
    ?.replace(/\/\/[^"]*@/g, '//…@')
    .slice(0, 200);
  const detail = `address ${shown} cannot be called: ${remedy}`;
  return new MicroError({ id: 'go.micro.client', code: CODE.badRequest, detail });
}
