import { createService, pinoLogger, type Service } from '@micro/core';
import { etcdRegistry } from '@micro/registry-etcd';
import { type Program, startProgram } from './program.js';
import { openServers, type Servers } from './servers.js';
import { story } from './story.js';

const ending = new AbortController();
// Ctrl-C and SIGTERM end the services first, which drain, and then what they stand on.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => ending.abort());
const interrupted = new Promise<void>((resolve) => ending.signal.addEventListener('abort', () => resolve()));

const servers = await openServers(process.env);
console.log(`etcd at ${servers.etcd.url}, NATS at ${servers.nats.url}, Redis at ${servers.redis.url}`);

/** Where catalogue and orders look, which say in their code what they run on. */
const byCode = { ...process.env, ETCD_URL: servers.etcd.url, NATS_URL: servers.nats.url, REDIS_URL: servers.redis.url };
/** What packing runs on, which leaves that to flags and variables. */
const byName = {
  ...process.env,
  MICRO_REGISTRY: 'etcd',
  MICRO_REGISTRY_ADDRESS: servers.etcd.url,
  MICRO_BROKER: 'nats',
  MICRO_BROKER_ADDRESS: `${servers.nats.url}?jetstream`,
  MICRO_STORE: 'redis',
  MICRO_STORE_ADDRESS: servers.redis.url,
  MICRO_STORE_TABLE: 'packed/',
};

const running = new Set<Program>();
let fail = (_: unknown): void => {};
const failed = new Promise<never>((_, reject) => {
  fail = reject;
});

function start(name: string, env: NodeJS.ProcessEnv): Program {
  ending.signal.throwIfAborted();
  const program = startProgram(name, env);
  program.broken.catch(fail);
  running.add(program);
  return program;
}

async function end(program: Program): Promise<void> {
  running.delete(program);
  await program.end();
}

function customerOf({ etcd }: Servers): Service {
  const logger = pinoLogger({ fields: { service: 'customer' } });
  return createService({
    name: 'customer',
    registry: etcdRegistry({ hosts: etcd.url, logger }),
    logger,
    // A customer does not mind that it takes longer, as long as the order is placed in the end.
    client: { timeoutMs: 20_000, retries: 20 },
  });
}

async function play(): Promise<void> {
  start('catalogue', byCode);
  start('orders', byCode);
  let packing = start('packing', byName);
  const restarted = {
    start() {
      packing = start('packing', byName);
    },
    end: () => end(packing),
  };
  await story({ customer, servers, packing: restarted, signal: ending.signal, say: console.log });
  if (!process.argv.includes('--stay')) return;
  console.log('everything stays, until Ctrl-C');
  await interrupted;
}

const customer = customerOf(servers);
try {
  await Promise.race([interrupted, failed, play()]);
} finally {
  ending.abort();
  const ended = await Promise.allSettled([...running].map(end));
  await customer.stop();
  await servers.close();
  for (const outcome of ended) {
    if (outcome.status === 'fulfilled') continue;
    console.error(String(outcome.reason));
    process.exitCode = 1;
  }
  console.log('everything has stopped');
}
