import type { Message } from '../contract/message.ts';
import type { DialOptions, Listener, Socket, Transport } from '../contract/transport.ts';
import { CODE } from '../error/code.ts';
import { MicroError } from '../error/micro-error.ts';
import { formatAddress, parseAddress } from '../util/address.ts';
import { createDeadlineTimer } from '../util/deadline-timer.ts';
import { limitOf } from '../util/limit.ts';
import { type Carrier, Exchange, STREAM_WINDOW } from './exchange.ts';
import { cancelled, late } from './exchange-errors.ts';

/** What the memory transport may be told. */
export interface MemoryTransportOptions {
  /** Exchanges that are open at once. Default 4,096; 0 is no limit. */
  readonly maxInFlight?: number | undefined;
}

const MAX_IN_FLIGHT = 4_096;
const FIRST_EPHEMERAL_PORT = 10_000;

interface Place {
  readonly accept: (socket: Socket) => void;
  readonly open: Set<Exchange>;
  draining: boolean;
}

/**
 * A transport inside one process: the same exchanges with the same windows, deadlines and refusals, without bytes being
 * copied. Who shares the instance can reach each other, so tests and services in one process pass the same one.
 */
export function memoryTransport(options: MemoryTransportOptions = {}): Transport {
  const limit = limitOf('maxInFlight', options.maxInFlight, MAX_IN_FLIGHT);
  const places = new Map<string, Place>();
  const dialled = new Set<Exchange>();
  let nextPort = FIRST_EPHEMERAL_PORT;
  let nextId = 1;

  const deadlines = createDeadlineTimer((time) => {
    let next = Number.POSITIVE_INFINITY;
    for (const exchange of [...dialled]) {
      if (exchange.deadline <= time) exchange.close(late(exchange.remote));
      else if (exchange.deadline < next) next = exchange.deadline;
    }
    return next;
  });

  const bind = (address: string): string => {
    const { host, first, last } = parseAddress(address);
    const name = host === '' ? '127.0.0.1' : host;
    if (first === 0) {
      while (places.has(formatAddress(name, nextPort))) nextPort += 1;
      return formatAddress(name, nextPort++);
    }
    for (let port = first; port <= last; port++) {
      const candidate = formatAddress(name, port);
      if (!places.has(candidate)) return candidate;
    }
    throw new MicroError({ id: 'go.micro.server', code: CODE.conflict, detail: `already listening on ${address}` });
  };

  return {
    name: 'memory',
    async listen(address, accept): Promise<Listener> {
      const bound = bind(address);
      const place: Place = { accept, open: new Set(), draining: false };
      places.set(bound, place);
      return {
        address: bound,
        metadata: {},
        drain() {
          place.draining = true;
        },
        async close() {
          if (places.get(bound) === place) places.delete(bound);
          const reason = new MicroError({
            id: 'go.micro.server',
            code: CODE.unavailable,
            detail: 'the server was stopped',
          });
          for (const exchange of [...place.open]) exchange.close(reason);
        },
      };
    },
    dial(address: string, dialOptions: DialOptions = {}): Socket {
      const stream = dialOptions.stream ?? false;
      const deadline = dialOptions.deadline ?? Number.POSITIVE_INFINITY;
      const pair = createPair(
        nextId++,
        address,
        stream,
        deadline,
        () => {
          const place = places.get(address);
          if (place === undefined) return unreachable(`could not dial ${address}: nobody listens there`);
          if (place.draining) return unreachable(`${address} is draining`);
          if (place.open.size >= limit)
            return unreachable(`${address} has ${limit} exchanges open, which is the limit`, CODE.tooManyRequests);
          return place;
        },
        dialled,
      );
      if (deadline !== Number.POSITIVE_INFINITY) deadlines.watch(deadline);
      return pair;
    },
    async close() {
      const reason = new MicroError({
        id: 'go.micro.client',
        code: CODE.cancelled,
        detail: 'the transport was closed with the exchange still open',
      });
      for (const exchange of [...dialled]) exchange.close(reason);
      deadlines.close();
    },
  };
}

/** Two exchanges, each the other's far end. The server's half comes to life with the first message. */
function createPair(
  id: number,
  address: string,
  stream: boolean,
  deadline: number,
  find: () => Place | MicroError,
  dialled: Set<Exchange>,
): Exchange {
  const clientAddress = `memory:${id}`;
  let server: Exchange | undefined;

  const carrier = (
    local: string,
    remote: string,
    other: () => Exchange | undefined,
    over: (exchange: Exchange) => void,
  ): Carrier => ({
    local,
    remote,
    congested: false,
    write(exchange, message: Message, last) {
      if (exchange === client && !exchange.started) {
        exchange.started = true;
        open(message, last);
        return;
      }
      const far = other();
      far?.deliver(message);
      if (last) far?.deliverEnd();
    },
    writeEnd: () => other()?.deliverEnd(),
    abandon(_exchange, reason) {
      other()?.fail(
        reason instanceof MicroError && reason.code === CODE.unavailable ? reason : cancelled(reason.message),
      );
    },
    taken(exchange, cost) {
      exchange.untold += cost;
      if (exchange.untold < STREAM_WINDOW / 2) return;
      other()?.grant(exchange.untold);
      exchange.untold = 0;
    },
    release: over,
  });

  const open = (message: Message, last: boolean): void => {
    const place = find();
    if (place instanceof MicroError) {
      // As on a network: the failure is what `receive` throws.
      client.fail(place);
      return;
    }
    const accepted = new Exchange(
      carrier(
        address,
        clientAddress,
        () => client,
        (exchange) => place.open.delete(exchange),
      ),
      id,
      false,
      stream,
    );
    server = accepted;
    accepted.started = true;
    place.open.add(accepted);
    accepted.deliver(message);
    if (last) accepted.deliverEnd();
    // Not within the caller's send: a server that answers at once must not run inside its client's stack.
    setImmediate(() => place.accept(accepted));
  };

  const client: Exchange = new Exchange(
    carrier(
      clientAddress,
      address,
      () => server,
      (exchange) => dialled.delete(exchange),
    ),
    id,
    true,
    stream,
    deadline,
  );
  dialled.add(client);
  return client;
}

function unreachable(detail: string, code: number = CODE.unavailable): MicroError {
  return new MicroError({ id: 'go.micro.client', code, detail, unexecuted: true });
}
