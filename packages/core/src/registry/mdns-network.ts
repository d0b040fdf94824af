import type { Registry, RegistryCallOptions } from '../contract/registry.ts';
import { CODE } from '../error/code.ts';
import { limitOf } from '../util/limit.ts';
import { DEFAULT_EVENT_LIMIT } from './event-queue.ts';
import { type FoundNode, heardOf, MAX_NODES, MAX_NODES_SIZE, nodeOf, recordOf, sameNews } from './mdns-instance.ts';
import { isMdnsName, mdnsHost, mdnsNames } from './mdns-name.ts';
import type { MdnsRegistryOptions } from './mdns-options.ts';
import { announcementPacket, type HeardInstance, questionPacket, readQuery, readResponse } from './mdns-packet.ts';
import { mdnsResponder } from './mdns-responder.ts';
import { type MdnsSockets, noMulticast, openMdnsSockets } from './mdns-socket.ts';
import { mdnsWatchers } from './mdns-watcher.ts';
import { copyRecord } from './record.ts';
import { abortError, refuseAborted, registryError } from './registry-error.ts';
import { serviceNodes } from './service-nodes.ts';

const DEFAULT_PORT = 5_353;
const DEFAULT_TIMEOUT_MS = 100;

/** The registry that `mdnsRegistry` makes, with all that it needs to speak DNS. */
export function networkRegistry(options: MdnsRegistryOptions): Registry {
  const { domain = 'micro', timeoutMs = DEFAULT_TIMEOUT_MS, port = DEFAULT_PORT, logger, watchLimit } = options;
  const names = mdnsNames(domain);
  const interfaces = typeof options.interface === 'string' ? [options.interface] : options.interface;
  const collectors = new Set<(instances: readonly HeardInstance[]) => void>();
  let opening: Promise<MdnsSockets> | undefined;
  let closed = false;

  const multicast = async (packet: Buffer): Promise<void> => (await open()).multicast(packet);

  const responder = mdnsResponder({
    names,
    host: mdnsHost(),
    tell(instance, ttl) {
      // Who watches here need not wait for the network.
      watchers.hear([heardOf(instance, ttl)]);
      return multicast(announcementPacket(instance, ttl));
    },
  });
  const watchers = mdnsWatchers({
    names,
    limit: limitOf('watchLimit', watchLimit, DEFAULT_EVENT_LIMIT),
    // A later round asks again; whether it can be asked at all, the watch finds out when it begins.
    ask: (name) => void multicast(questionPacket(name)).catch(() => undefined),
  });

  const open = (): Promise<MdnsSockets> => {
    if (closed) return Promise.reject(closedError());
    opening ??= openMdnsSockets({
      port,
      interfaces,
      onQuery(packet, from) {
        const query = readQuery(packet);
        if (query === undefined) return;
        for (const answer of responder.answers(query)) sockets?.reply(answer, from);
      },
      onResponse(packet) {
        const instances = readResponse(packet);
        if (instances.length === 0) return;
        for (const collect of collectors) collect(instances);
        watchers.hear(instances);
      },
      onDeaf() {
        logger?.log('warn', noMulticast('what is sent to the multicast group does not come back').message);
      },
    }).then(
      (opened) => {
        sockets = opened;
        return opened;
      },
      (error: unknown) => {
        // The network may be there the next time.
        opening = undefined;
        throw error;
      },
    );
    return opening;
  };
  let sockets: MdnsSockets | undefined;

  /** Asks a question and hands on what is told until the time is over. */
  const collect = async (
    question: string,
    take: (instance: HeardInstance) => void,
    what: string,
    { signal }: RegistryCallOptions,
  ): Promise<void> => {
    refuse(what, signal);
    const collector = (instances: readonly HeardInstance[]): void => instances.forEach(take);
    collectors.add(collector);
    try {
      await multicast(questionPacket(question));
      await pause(timeoutMs, what, signal);
      await readAll();
    } finally {
      collectors.delete(collector);
    }
    if (closed) throw closedError();
  };

  const refuse = (what: string, signal: AbortSignal | undefined): void => {
    refuseAborted(what, signal);
    if (closing !== undefined) throw closedError();
  };

  const shut = async (): Promise<void> => {
    watchers.close();
    await responder.close();
    closed = true;
    await (await opening?.catch(() => undefined))?.close();
  };
  let closing: Promise<void> | undefined;

  return {
    name: 'mdns',

    async register(record, { ttlMs = 0, signal } = {}) {
      refuse(`registering ${record.name}`, signal);
      await responder.register(copyRecord(record), ttlMs);
    },

    async deregister(record, { signal } = {}) {
      refuseAborted(`deregistering ${record.name}`, signal);
      // Closing has said goodbye for everything.
      if (closing === undefined) await responder.deregister(record);
    },

    async getService(name, call = {}) {
      // Nobody can have registered under another name, and it could not be asked for.
      if (!isMdnsName(names.service(name))) return [];
      const found = new Map<string, { heard: HeardInstance; node: FoundNode }>();
      const gone = new Set<string>();
      let size = 0;
      const take = (heard: HeardInstance): void => {
        const id = names.nodeOfInstance(heard.name, name);
        if (id === undefined) return;
        const known = found.get(id);
        if (heard.ttl === 0) {
          found.delete(id);
          gone.add(id);
          return;
        }
        // Answers come in duplicate, by each interface.
        if (known === undefined ? found.size >= MAX_NODES : sameNews(known.heard, heard)) return;
        const node = nodeOf(heard, names);
        if (node === undefined || node.service !== name || size + node.size > MAX_NODES_SIZE) return;
        size += node.size;
        found.set(id, { heard, node });
        gone.delete(id);
      };
      await collect(names.service(name), take, `looking up ${name}`, call);

      // A node that is too busy to answer in time is not gone, as long as somebody here keeps an eye on the service.
      const nodes = serviceNodes(name);
      for (const node of watchers.known(name)) if (!gone.has(node.id)) nodes.merge(recordOf(node));
      for (const { node } of found.values()) nodes.merge(recordOf(node));
      for (const node of responder.nodes(name)) nodes.merge(recordOf(node));
      return nodes.records();
    },

    async listServices(call = {}) {
      const services = new Set<string>();
      const take = ({ name, ttl }: HeardInstance): void => {
        const service = names.serviceOfListed(name);
        if (service === undefined || ttl === 0 || services.size >= MAX_NODES) return;
        if (isMdnsName(names.service(service))) services.add(service);
      };
      await collect(names.all, take, 'listing services', call);
      for (const service of responder.services()) services.add(service);
      return [...services].sort();
    },

    watch({ service, signal } = {}) {
      const queue = watchers.watch(service, signal);
      if (closing !== undefined) queue.fail(closedError());
      open().catch((error: unknown) =>
        queue.fail(error instanceof Error ? error : registryError(CODE.internal, String(error))),
      );
      return queue.events;
    },

    close() {
      closing ??= shut();
      return closing;
    },
  };
}

function closedError(): Error {
  return registryError(CODE.unavailable, 'the mdns registry is closed; make another one');
}

/**
 * Node fires timers before it reads sockets: when the process was busy until the time was over, all answers may have come and
 * none was read. Twice, as the first time may be when another registry of this process reads the question.
 */
async function readAll(): Promise<void> {
  for (let turn = 1; turn <= 2; turn++) await new Promise((resolve) => setImmediate(resolve));
}

function pause(timeoutMs: number, what: string, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => {
      clearTimeout(timer);
      reject(abortError(what, signal?.reason));
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', onAbort);
      resolve();
    }, timeoutMs);
    if (signal?.aborted) onAbort();
    else signal?.addEventListener('abort', onAbort, { once: true });
  });
}
