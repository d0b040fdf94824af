import { type Logger, pinoLogger } from '@micro/core';

/** Where the servers are, and where a service says what it has to say. */
export interface Settings {
  readonly etcd: string;
  readonly nats: string;
  readonly redis: string;
  readonly logger: Logger;
}

/** The settings of a service, from the variables `ETCD_URL`, `NATS_URL` and `REDIS_URL`. */
export function settings(service: string): Settings {
  return {
    etcd: required('ETCD_URL'),
    nats: required('NATS_URL'),
    redis: required('REDIS_URL'),
    // Each plugin tells it when its server is lost, and when it is back.
    logger: pinoLogger({ fields: { service } }),
  };
}

function required(name: string): string {
  const value = process.env[name];
  if (value === undefined || value === '') throw new Error(`set ${name} to the address of the server`);
  return value;
}
