import type {
  RegisterOptions,
  Registry,
  RegistryCallOptions,
  RegistryEvent,
  ServiceRecord,
  WatchOptions,
} from '../contract/registry.ts';
import { now } from '../util/clock.ts';
import { createDeadlineTimer, type DeadlineTimer } from '../util/deadline-timer.ts';
import { limitOf } from '../util/limit.ts';
import { DEFAULT_EVENT_LIMIT, type EventQueue, eventQueue } from './event-queue.ts';
import { copyRecord } from './record.ts';
import { refuseAborted } from './registry-error.ts';
import { type ServiceNodes, serviceNodes } from './service-nodes.ts';

/** What a memory registry may take. */
export interface MemoryRegistryOptions {
  /** What is registered from the beginning, for ever. Default: nothing. */
  readonly services?: readonly ServiceRecord[] | undefined;
  /** How many events may wait for a watcher; one more fails its watch with a 429. Default 4,096; 0 is no limit. */
  readonly watchLimit?: number | undefined;
}

/** A service, and when its nodes end. */
interface Service {
  readonly nodes: ServiceNodes;
  /** By node id, in milliseconds since the epoch; absent for those that do not end. */
  readonly expiry: Map<string, number>;
}

/**
 * A registry inside this process. Services see each other when they are given the same one. A record lives until it is
 * deregistered, or for its `ttlMs`; that it ended is an event.
 *
 * It holds nothing that would have to be given back: after `close`, which ends its watches, what is registered stays, so
 * that services which share it can stop one after the other. Unlike go-micro's it reports new nodes as `create`, replaces
 * a node that comes with another address, and reports those that expired.
 */
export function memoryRegistry({ services: preload = [], watchLimit }: MemoryRegistryOptions = {}): Registry {
  const limit = limitOf('watchLimit', watchLimit, DEFAULT_EVENT_LIMIT);
  const services = new Map<string, Service>();
  const watchers = new Map<EventQueue<RegistryEvent>, string | undefined>();
  let timer: DeadlineTimer | undefined;
  /** Nothing ends before. */
  let nextEnd = Number.POSITIVE_INFINITY;

  const report = (action: RegistryEvent['action'], record: ServiceRecord, nodes: ServiceRecord['nodes']): void => {
    if (nodes.length === 0 || watchers.size === 0) return;
    const event = Object.freeze({ action, service: Object.freeze({ ...record, nodes: Object.freeze([...nodes]) }) });
    for (const [queue, service] of watchers) {
      if (service === undefined || service === record.name) queue.push(event);
    }
  };

  const remove = (name: string, service: Service, record: ServiceRecord): void => {
    const removed = service.nodes.remove(record);
    for (const { id } of removed) service.expiry.delete(id);
    if (service.nodes.size === 0) services.delete(name);
    report('delete', record, removed);
  };

  /** Removes what is overdue and returns when the next node is. */
  const expire = (time: number): number => {
    nextEnd = Number.POSITIVE_INFINITY;
    for (const [name, service] of services) {
      for (const [id, end] of service.expiry) {
        if (end > time) {
          nextEnd = Math.min(nextEnd, end);
          continue;
        }
        const record = service.nodes.recordOf(id);
        if (record !== undefined) remove(name, service, record);
      }
    }
    return nextEnd;
  };

  /** A timer is late when the process was busy; an answer is not. */
  const expireDue = (): void => {
    const time = now();
    if (time >= nextEnd) expire(time);
  };

  const add = (given: ServiceRecord, ttlMs: number): void => {
    const record = copyRecord(given);
    const service = services.get(record.name) ?? {
      nodes: serviceNodes(record.name),
      expiry: new Map<string, number>(),
    };
    services.set(record.name, service);
    const { created, updated } = service.nodes.merge(record);
    const end = now() + ttlMs;
    for (const { id } of record.nodes) {
      if (ttlMs === 0) service.expiry.delete(id);
      else service.expiry.set(id, end);
    }
    if (ttlMs > 0) {
      nextEnd = Math.min(nextEnd, end);
      timer ??= createDeadlineTimer(expire);
      timer.watch(end);
    }
    report('create', record, created);
    report('update', record, updated);
  };

  for (const record of preload) add(record, 0);

  return {
    name: 'memory',

    async register(record: ServiceRecord, options: RegisterOptions = {}) {
      refuseAborted(`registering ${record.name}`, options.signal);
      add(record, options.ttlMs ?? 0);
    },

    async deregister(record: ServiceRecord, options: RegistryCallOptions = {}) {
      refuseAborted(`deregistering ${record.name}`, options.signal);
      const service = services.get(record.name);
      if (service !== undefined) remove(record.name, service, record);
    },

    async getService(name: string, options: RegistryCallOptions = {}) {
      refuseAborted(`looking up ${name}`, options.signal);
      expireDue();
      return services.get(name)?.nodes.records() ?? [];
    },

    async listServices(options: RegistryCallOptions = {}) {
      refuseAborted('listing services', options.signal);
      expireDue();
      return [...services.keys()].sort();
    },

    watch({ service, signal }: WatchOptions = {}) {
      const queue: EventQueue<RegistryEvent> = eventQueue({ limit, signal, onEnd: () => watchers.delete(queue) });
      if (!queue.ended) watchers.set(queue, service);
      return queue.events;
    },

    async close() {
      for (const queue of watchers.keys()) queue.end();
      timer?.close();
      timer = undefined;
    },
  };
}
