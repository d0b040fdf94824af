export { DEAD_LETTER } from './dead-letter.ts';
export { DEAD_LETTERS, type JetStreamOptions } from './jetstream-options.ts';
export { natsBroker } from './nats-broker.ts';
export type { NatsBrokerOptions, NatsCredentials, OutboxOptions } from './nats-options.ts';
export { plugin } from './plugin.ts';
