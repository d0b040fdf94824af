import { startAskedProcess } from './asked-process.ts';
import type { GoEmission } from './go-broker.ts';
import type { GoServerEvent } from './go-server.ts';
import { type GoStoreCommands, storeCommands } from './go-store.ts';

/** A whole Go service, made by `micro.NewService` and set up by `service.Init()` from its environment. */
export interface GoService {
  readonly address: string;
  /** The id of its node in the registry. */
  readonly id: string;
  /** What its subscribers got so far. */
  readonly events: readonly GoServerEvent[];
  /** Its store. */
  readonly store: GoStoreCommands;
  /** One unary call in JSON to whom its registry names; rejects with the text of the error. */
  call(service: string, endpoint: string, body: unknown, metadata?: Readonly<Record<string, string>>): Promise<unknown>;
  /** Publishes with its client. */
  emit(topic: string, emission: GoEmission): Promise<void>;
  stderr(): string;
  /** Asks it to deregister and stop, and waits until it is gone. */
  close(): Promise<void>;
}

/** Starts a Go service that serves `Helloworld`, `Plain` and `Raw`. Resolves when it has registered. */
export async function startGoService(options: {
  readonly binary: string;
  /** Its `MICRO_*` variables. It listens on 127.0.0.1 unless they say otherwise. */
  readonly env: Readonly<Record<string, string>>;
  /** Default `helloworld`. */
  readonly name?: string;
  /** Topics to subscribe to, each with its queue, `''` for none; the subscriber takes the request of `Helloworld.Call`. */
  readonly subscribe?: Readonly<Record<string, string>>;
}): Promise<GoService> {
  const { binary, env, name = 'helloworld', subscribe = {} } = options;
  const variables = Object.entries({ MICRO_SERVER_ADDRESS: '127.0.0.1:0', ...env }).map((pair) => pair.join('='));
  const flags = [`--name=${name}`];
  for (const [topic, queue] of Object.entries(subscribe)) flags.push('--subscribe', `${topic}=${queue}`);
  const events: GoServerEvent[] = [];
  const command = ['env', ...variables, binary, 'service', ...flags];
  const { ask, ready, stderr, close } = await startAskedProcess('the Go service', command, ({ event }) => {
    if (event !== undefined) events.push(event as GoServerEvent);
  });
  const { address, id } = await ready();
  return {
    address: String(address),
    id: String(id),
    events,
    store: storeCommands(ask),
    stderr,
    close,
    call: (service, endpoint, body, metadata = {}) => ask({ command: 'call', service, endpoint, body, metadata }),
    async emit(topic, { message, contentType = 'application/json', as = 'json', metadata = {} }) {
      await ask({ command: 'emit', topic, message, contentType, as, metadata });
    },
  };
}
