import { CODE, type Registry, type RegistryCallOptions, type RegistryEvent, type WatchOptions } from '@micro/core';
import {
  connectionLog,
  copyRecord,
  eventQueue,
  registryError,
  renewedRegistry,
  serviceNodes,
  within,
} from '@micro/core/plugin';
import { etcdCalls } from './etcd-calls.ts';
import { openClients } from './etcd-clients.ts';
import { checkOptions, type EtcdRegistryOptions, type EtcdSettings } from './etcd-options.ts';
import { credentialsOf, type MakeCredentials } from './etcd-server.ts';
import { ownNodes } from './own-nodes.ts';
import { recordKeys } from './record-keys.ts';
import { recordReader } from './record-values.ts';
import { type ServiceFeed, serviceFeed } from './service-feed.ts';
import { watchHub } from './watch-hub.ts';

const NAME = 'etcd';
/** How long a watch waits for the server when calls have no deadline. */
const USUAL_PATIENCE_MS = 5_000;
/** `close` waits no longer for etcd to take out what was registered; for one that is lost hardly at all. */
const RELEASE_MS = 5_000;
const LOST_RELEASE_MS = 1_000;

/**
 * A registry in etcd 3.4 or newer, in go-micro's records: one key `<prefix><service>/<node>` with a lease of its own for each
 * node. Throws 400 for options that make no sense and for certificates that cannot be used. It connects when it is first used.
 *
 * Each question ends within `timeoutMs`: 408 when etcd does not answer, 503 when it cannot be reached, 401 and 403 when it
 * refuses, each naming the servers. Watches go on through restarts, a change of the leader and compaction. What this process
 * registered is written again when it is lost, and taken out by `close`, but for what is registered for ever.
 */
export function etcdRegistry(options: EtcdRegistryOptions = {}): Registry {
  const settings = checkOptions(options);
  const makeCredentials = credentialsOf(settings.tls);
  return renewedRegistry(NAME, () => openRegistry(settings, makeCredentials));
}

function openRegistry(settings: EtcdSettings, makeCredentials: MakeCredentials): Registry {
  const { client, hosts, prefix, timeoutMs, ttlMs, watchLimit, graceMs, logger } = settings;
  const where = client === undefined ? `etcd at ${hosts.addresses.join(', ')}` : 'the etcd of the given client';
  const clients = openClients(settings, makeCredentials);
  const patienceMs = Number.isFinite(timeoutMs) ? timeoutMs : USUAL_PATIENCE_MS;
  const life = new AbortController();
  const closing = life.signal;
  const connection = connectionLog(where, logger);
  const keys = recordKeys(prefix);
  const readRecord = recordReader(keys, logger);
  const calls = etcdCalls({ clients, where, timeoutMs, connection, closing });
  const hub = watchHub({ watchClient: clients.watchClient, where, patienceMs, closing });
  const own = ownNodes({ keys, calls, hub, usualTtlMs: ttlMs });
  /** By service; `undefined` follows all of them. */
  const feeds = new Map<string | undefined, ServiceFeed>();
  let closed: Promise<void> | undefined;

  const feedOf = (service: string | undefined): ServiceFeed => {
    const known = feeds.get(service);
    if (known !== undefined) return known;
    const range = service === undefined ? keys.all : keys.ofService(service);
    const feed = serviceFeed({
      service,
      range,
      calls,
      hub,
      readRecord,
      watchLimit,
      graceMs,
      onEmpty() {
        if (feeds.get(service) === feed) feeds.delete(service);
      },
    });
    feeds.set(service, feed);
    return feed;
  };

  const closeAll = async (): Promise<void> => {
    for (const feed of [...feeds.values()]) feed.end();
    const limit = Math.min(patienceMs, connection.lost ? LOST_RELEASE_MS : RELEASE_MS);
    const asking = { deadline: Date.now() + limit, doubt() {} };
    // What cannot be taken out ends with its lease.
    await within(limit, `closing the registry in ${where}`, () => own.release(asking)).catch(() => {});
    own.close();
    connection.close();
    life.abort(registryError(CODE.unavailable, `the registry in ${where} was closed`));
    clients.close();
  };

  return {
    name: NAME,

    async register(given, { ttlMs: ttl, signal } = {}) {
      const record = copyRecord(given);
      await calls.ask(`registering ${record.name} in`, signal, async (asking) => {
        // Who watches here sees what is registered here, also when the watch has only just been asked for.
        await Promise.all([...feeds.values()].map(({ begun }) => begun));
        await own.register(record, ttl, asking);
      });
    },

    async deregister(record, { signal }: RegistryCallOptions = {}) {
      await calls.ask(`deregistering ${record.name} from`, signal, (asking) => own.deregister(record, asking));
    },

    getService: (name, { signal } = {}) =>
      calls.ask(`looking up ${name} in`, signal, async (asking) => {
        const { entries, revision } = await calls.readSomehow(keys.ofService(name), asking);
        const nodes = serviceNodes(name);
        const feed = feeds.get(name) ?? feeds.get(undefined);
        for (const record of feed?.lostAt(revision) ?? []) if (record.name === name) nodes.merge(record);
        // The youngest word on a version comes last, and counts.
        const inOrder = [...entries].sort((a, b) => Number(a.mod_revision) - Number(b.mod_revision));
        for (const entry of inOrder) {
          const record = readRecord(entry);
          if (record?.name === name) nodes.merge(record);
        }
        return nodes.records();
      }),

    listServices: ({ signal } = {}) =>
      calls.ask('listing the services in', signal, async (asking) => {
        const { entries } = await calls.readSomehow(keys.all, asking);
        return [...new Set(entries.flatMap((entry) => readRecord(entry)?.name ?? []))].sort();
      }),

    watch({ service, signal }: WatchOptions = {}) {
      if (signal?.aborted === true) return eventQueue<RegistryEvent>({ limit: 0, signal, onEnd() {} }).events;
      return feedOf(service).watch(signal);
    },

    close() {
      closed ??= closeAll();
      return closed;
    },
  };
}
