import { isIP } from 'node:net';
import type { Answer } from 'dns-packet';
import type { ServiceRecord } from '../contract/registry.ts';
import { CODE } from '../error/code.ts';
import { formatAddress } from '../util/address.ts';
import { now } from '../util/clock.ts';
import { createDeadlineTimer } from '../util/deadline-timer.ts';
import type { FoundNode } from './mdns-instance.ts';
import { checkName, type MdnsNames } from './mdns-name.ts';
import {
  addressRecord,
  answerLength,
  answerPacket,
  instanceRecords,
  type MdnsInstance,
  type MdnsQuery,
  type MdnsQuestion,
  pointerRecord,
  RECORD_TTL_S,
  serviceRecord,
  textRecord,
} from './mdns-packet.ts';
import { encodeText } from './mdns-text.ts';
import { registryError } from './registry-error.ts';

/** What the responder takes. */
export interface MdnsResponderOptions {
  readonly names: MdnsNames;
  /** The name of this machine. */
  readonly host: string;
  /** Tells everybody of an instance; with ttl 0 that it is gone. */
  tell(instance: MdnsInstance, ttl: number): Promise<void>;
}

/** Answers for the nodes that are registered here, and tells of them when they come and go. */
export interface MdnsResponder {
  /** Throws 400 for what cannot be announced; then none of the record's nodes is. */
  register(record: ServiceRecord, ttlMs: number): Promise<void>;
  deregister(record: ServiceRecord): Promise<void>;
  /** The packets that answer a query: one per node, since Go reads only one instance from each. */
  answers(query: MdnsQuery): readonly Buffer[];
  /** The nodes of one service that are registered here. */
  nodes(service: string): readonly FoundNode[];
  services(): readonly string[];
  /** Says goodbye for everything that is still registered. */
  close(): Promise<void>;
}

/** A registered node. */
interface Own {
  readonly found: FoundNode;
  readonly instance: MdnsInstance;
  /** When it ends unless it is renewed; `Infinity` for never. */
  expiresAt: number;
  announcedAt: number;
  /** When to tell of it again. */
  dueAt: number[];
}

/** An announcement may get lost, so it is repeated: at once, after 1 s and after 3 s, as go-micro does. */
const ANNOUNCEMENTS_MS = [1_000, 3_000];
/** The greatest UDP payload. */
const MAX_PACKET = 65_507;
/** What stands for a service in the list of services: nobody connects to it. */
const LISTED = { ip: '0.0.0.0', port: 9_999, text: [], ttl: RECORD_TTL_S } as const;

/** Makes a responder. Its timer does not keep the process alive. */
export function mdnsResponder({ names, host, tell }: MdnsResponderOptions): MdnsResponder {
  /** By service, then by node id. */
  const services = new Map<string, Map<string, Own>>();

  const announce = (own: Own): Promise<void> => {
    own.announcedAt = now();
    return tell(own.instance, own.instance.ttl);
  };

  const goodbye = (own: Own): Promise<void> => tell(own.instance, 0);

  const drop = (own: Own): void => {
    const nodes = services.get(own.found.service);
    nodes?.delete(own.found.id);
    if (nodes?.size === 0) services.delete(own.found.service);
  };

  /** Tells of what is due, ends what is overdue, and returns when to look again. What cannot be sent now is told later. */
  const timer = createDeadlineTimer((time) => {
    let next = Number.POSITIVE_INFINITY;
    for (const own of everything()) {
      if (own.expiresAt <= time) {
        drop(own);
        goodbye(own).catch(() => undefined);
        continue;
      }
      if (own.dueAt.some((due) => due <= time)) {
        own.dueAt = own.dueAt.filter((due) => due > time);
        announce(own).catch(() => undefined);
      }
      next = Math.min(next, own.expiresAt, ...own.dueAt);
    }
    return next;
  });

  const everything = (): readonly Own[] => [...services.values()].flatMap((nodes) => [...nodes.values()]);

  const listed = (service: string): MdnsInstance => ({
    parent: names.all,
    name: names.listed(service),
    host,
    ...LISTED,
  });

  const answersTo = ({ name, type }: MdnsQuestion): readonly (readonly Answer[])[] => {
    const asksFor = (kind: string): boolean => type === kind || type === 'ANY';
    if (name === names.all && asksFor('PTR'))
      return [...services.keys()].map((service) => withPointer(listed(service)));
    if (name === names.kinds && asksFor('PTR')) {
      const parents = [...[...services.keys()].map(names.service), ...(services.size === 0 ? [] : [names.all])];
      return parents.map((parent): Answer[] => [
        { type: 'PTR', name: names.kinds, class: 'IN', ttl: RECORD_TTL_S, data: parent },
      ]);
    }
    if (name === host && (asksFor('A') || asksFor('AAAA'))) {
      const records = everything().map(({ instance }) => addressRecord(instance));
      const kept = new Map(
        records.filter((record) => asksFor(record.type)).map((record) => [JSON.stringify(record), record]),
      );
      return kept.size === 0 ? [] : [[...kept.values()]];
    }
    for (const [service, nodes] of services) {
      if (name === names.service(service)) {
        return asksFor('PTR') ? [...nodes.values()].map(({ instance }) => withPointer(instance)) : [];
      }
      if (name === names.listed(service)) return [recordsOf(listed(service), type)];
      const id = names.nodeOfInstance(name, service);
      const own = id === undefined ? undefined : nodes.get(id);
      if (own !== undefined) return [recordsOf(own.instance, type)];
    }
    return [];
  };

  const prepare = (record: ServiceRecord, ttlMs: number): readonly Own[] => {
    checkName(record.name, `the service '${record.name}'`);
    if (record.name === '_services' || record.name.endsWith('._services')) {
      throw registryError(
        CODE.badRequest,
        `'${record.name}' is what mdns calls the list of services; choose another name`,
      );
    }
    const { name: service, version, endpoints } = record;
    return record.nodes.map(({ id, address, metadata }) => {
      const name = names.instance(service, id);
      checkName(name, `the node '${id}' of ${service}`);
      checkName(names.listed(service), `the service '${service}'`);
      const { ip, port } = ipPort(address, id);
      const text = encodeText({ service, version, endpoints, metadata });
      const ttl = ttlMs === 0 ? RECORD_TTL_S : Math.min(RECORD_TTL_S, Math.ceil(ttlMs / 1_000));
      const instance: MdnsInstance = { parent: names.service(service), name, host, ip, port, text, ttl };
      const size = answerLength(instance);
      if (size > MAX_PACKET) {
        const detail = `the node '${id}' of ${service} needs ${size} bytes and a datagram holds ${MAX_PACKET}`;
        throw registryError(CODE.tooLarge, `${detail}; register fewer endpoints or less metadata`);
      }
      return {
        found: { service, version, endpoints, id, address: formatAddress(ip, port), metadata, size },
        instance,
        expiresAt: ttlMs === 0 ? Number.POSITIVE_INFINITY : now() + ttlMs,
        announcedAt: 0,
        dueAt: [],
      };
    });
  };

  return {
    async register(record, ttlMs) {
      const prepared = prepare(record, ttlMs);
      const nodes = services.get(record.name) ?? new Map<string, Own>();
      services.set(record.name, nodes);
      const news: Own[] = [];
      for (const own of prepared) {
        const known = nodes.get(own.found.id);
        if (known !== undefined && sameInstance(known.instance, own.instance)) {
          known.expiresAt = own.expiresAt;
          // Who renews is not news; but watchers elsewhere forget a node that they hear nothing of.
          if (now() - known.announcedAt >= (own.instance.ttl * 1_000) / 2) news.push(known);
        } else {
          own.dueAt = ANNOUNCEMENTS_MS.map((delay) => now() + delay);
          nodes.set(own.found.id, own);
          news.push(own);
        }
        timer.watch(Math.min(own.expiresAt, ...own.dueAt));
      }
      await Promise.all(news.map(announce));
    },

    async deregister(record) {
      const nodes = services.get(record.name);
      const gone = record.nodes.flatMap(({ id }) => nodes?.get(id) ?? []);
      gone.forEach(drop);
      await Promise.all(gone.map(goodbye));
    },

    answers: (query) =>
      query.questions
        .flatMap(answersTo)
        .filter((records) => records.length > 0)
        .map((records) => answerPacket(query, records)),

    nodes: (service) => [...(services.get(service)?.values() ?? [])].map(({ found }) => found),

    services: () => [...services.keys()],

    async close() {
      timer.close();
      const gone = everything();
      services.clear();
      await Promise.allSettled(gone.map(goodbye));
    },
  };
}

function withPointer(instance: MdnsInstance): readonly Answer[] {
  return [pointerRecord(instance), ...instanceRecords(instance)];
}

function recordsOf(instance: MdnsInstance, type: string): readonly Answer[] {
  if (type === 'ANY') return instanceRecords(instance);
  if (type === 'SRV') return [serviceRecord(instance), addressRecord(instance)];
  if (type === 'TXT') return [textRecord(instance)];
  const address = addressRecord(instance);
  return address.type === type ? [address] : [];
}

function sameInstance(a: MdnsInstance, b: MdnsInstance): boolean {
  return (
    a.ip === b.ip &&
    a.port === b.port &&
    a.ttl === b.ttl &&
    Buffer.concat([...a.text]).equals(Buffer.concat([...b.text]))
  );
}

function ipPort(address: string, id: string): { ip: string; port: number } {
  const colon = address.lastIndexOf(':');
  const host = address.slice(0, Math.max(colon, 0));
  const ip = host.startsWith('[') && host.endsWith(']') ? host.slice(1, -1) : host;
  const port = Number(address.slice(colon + 1));
  if (isIP(ip) === 0 || !/^\d{1,5}$/.test(address.slice(colon + 1)) || port < 1 || port > 65_535) {
    const detail = `mdns cannot announce '${address}', the address of ${id}; it needs an ip address and a port, such as 192.0.2.7:8080`;
    throw registryError(CODE.badRequest, detail);
  }
  return { ip, port };
}
