import { createHash } from 'node:crypto';
import { CODE } from '@micro/core';
import { brokerError } from '@micro/core/plugin';
import { type NatsConnection, nanos } from 'nats';
import { apiError, askJetStream, FAILURE } from './jetstream-api.ts';
import { DEAD_LETTERS, type JetStreamOptions, type JetStreamSettings, STREAM_DEFAULTS } from './jetstream-options.ts';
import { covers } from './subject.ts';

/** A stream, as far as consumers need to know it. */
export interface StreamFacts {
  readonly name: string;
  /** When it was made. Another time is another stream. */
  readonly created: string;
  /** The number of its last message. */
  readonly lastSequence: number;
}

/** Finds the streams that keep topics, and makes those that are missing. */
export interface Streams {
  /** Whether the topic's stream was there when it was last looked for. */
  has(topic: string): boolean;
  /** The stream of a topic; made when it is missing. Throws what JetStream says. */
  of(connection: NatsConnection, topic: string): Promise<StreamFacts>;
  /** It may be gone: look again before the next message. */
  forget(topic: string): void;
}

/** So many topics are remembered; past that they are looked for again. */
const MOST_TOPICS = 10_000;

type Fields = Readonly<Record<string, unknown>>;

/** Makes what finds streams. */
export function createStreams({ given, api, deadLetter }: JetStreamSettings): Streams {
  const known = new Set<string>();
  const looking = new Map<string, { readonly connection: NatsConnection; readonly found: Promise<StreamFacts> }>();

  /** What a topic's stream is called and has, when it has to be made. */
  const planOf = (topic: string): { readonly name: string; readonly config: Fields; readonly isNamed: boolean } => {
    if (deadLetter !== undefined && topic.startsWith(`${deadLetter}.`)) {
      const { replicas, storage } = given;
      const limits = { replicas, storage, maxBytes: given.maxBytes };
      return { name: DEAD_LETTERS, config: configOf(limits, [`${deadLetter}.>`]), isNamed: true };
    }
    if (given.stream === undefined)
      return { name: streamNameOf(topic), config: configOf(given, [topic]), isNamed: false };
    const subjects = given.subjects ?? [];
    if (subjects.length > 0 && !subjects.some((subject) => covers(subject, topic))) {
      const detail = `stream ${given.stream} has no subject for topic ${topic}: add it to jetStream.subjects`;
      throw brokerError(CODE.badRequest, detail);
    }
    return { name: given.stream, config: configOf(given, subjects), isNamed: true };
  };

  const info = async (connection: NatsConnection, name: string): Promise<Fields | undefined> => {
    const answer = await askJetStream(connection, `${api}.STREAM.INFO.${name}`);
    if ('value' in answer) return answer.value;
    if (answer.failure.number === FAILURE.streamNotFound) return undefined;
    throw apiError(`to show stream ${name}`, answer.failure);
  };

  /** The stream that has a subject already, whoever made it. */
  const find = async (connection: NatsConnection, topic: string): Promise<string | undefined> => {
    const answer = await askJetStream(connection, `${api}.STREAM.NAMES`, { subject: topic });
    if ('failure' in answer) throw apiError(`to find the stream of ${topic}`, answer.failure);
    const names = Array.isArray(answer.value.streams) ? answer.value.streams.map(String) : [];
    if (names.length > 1) {
      const detail = `topic ${topic} is in ${names.length} streams (${names.slice(0, 5).join(', ')}): name one with jetStream.stream`;
      throw brokerError(CODE.badRequest, detail);
    }
    return names[0];
  };

  const make = async (connection: NatsConnection, name: string, config: Fields): Promise<Fields> => {
    const answer = await askJetStream(connection, `${api}.STREAM.CREATE.${name}`, { name, ...config });
    if ('value' in answer) return answer.value;
    // Somebody else made it in the same moment, with other limits.
    const theirs = answer.failure.number === FAILURE.streamNameInUse ? await info(connection, name) : undefined;
    if (theirs !== undefined) return theirs;
    throw apiError(`to make stream ${name}`, answer.failure);
  };

  /** Gives a stream that is there what was asked for, and leaves the rest as it is. */
  const adapt = async (
    connection: NatsConnection,
    name: string,
    found: Fields,
    subjects: readonly string[],
  ): Promise<Fields> => {
    const config = fieldsOf(found.config);
    const wanted = { ...limitsOf(given), ...subjectsOf(config.subjects, subjects) };
    const differs = Object.entries(wanted).some(
      ([field, value]) => JSON.stringify(config[field]) !== JSON.stringify(value),
    );
    if (!differs) return found;
    const answer = await askJetStream(connection, `${api}.STREAM.UPDATE.${name}`, { ...config, ...wanted });
    if ('value' in answer) return answer.value;
    throw apiError(`to change stream ${name}`, answer.failure);
  };

  const look = async (connection: NatsConnection, topic: string): Promise<StreamFacts> => {
    const { name, config, isNamed } = planOf(topic);
    const there = isNamed ? name : await find(connection, topic);
    const found = there === undefined ? undefined : await info(connection, there);
    if (found !== undefined) {
      const isOurs = there === name && name !== DEAD_LETTERS;
      return factsOf(
        isOurs ? await adapt(connection, name, found, given.stream === undefined ? [] : (given.subjects ?? [])) : found,
        name,
      );
    }
    if (isNamed && name === given.stream && given.subjects === undefined) {
      throw brokerError(CODE.badRequest, `there is no stream ${name}: make it, or say its jetStream.subjects`);
    }
    return factsOf(await make(connection, name, config), name);
  };

  return {
    has: (topic) => known.has(topic),

    of(connection, topic) {
      const running = looking.get(topic);
      if (running?.connection === connection) return running.found;
      const found = look(connection, topic).finally(() => {
        if (looking.get(topic)?.found === found) looking.delete(topic);
      });
      looking.set(topic, { connection, found });
      found.then(
        () => {
          if (known.size >= MOST_TOPICS) known.clear();
          known.add(topic);
        },
        () => {},
      );
      return found;
    },

    forget: (topic) => {
      known.delete(topic);
    },
  };
}

/** A name that JetStream takes: letters, digits, `_` and `-`; a topic with anything else has a hash that tells it apart. */
export function plainName(text: string): string {
  const plain = text.replaceAll(/[^A-Za-z0-9_-]/g, '_').slice(0, 60);
  return plain === text ? plain : `${plain}-${hashOf(text)}`;
}

/** Eight characters that differ where texts do. */
export function hashOf(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 8);
}

function streamNameOf(topic: string): string {
  return plainName(topic);
}

/** A new stream. */
function configOf(given: JetStreamOptions, subjects: readonly string[]): Fields {
  const defined = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
  return { ...limitsOf({ ...STREAM_DEFAULTS, ...defined }), subjects };
}

/** Limits as JetStream writes them, of those that were given. */
function limitsOf(given: JetStreamOptions): Fields {
  const { replicas, storage, retention, discard, maxAgeMs, maxMessages, maxBytes, duplicateWindowMs } = given;
  const limit = (value: number): number => (value === 0 ? -1 : value);
  return {
    ...(replicas === undefined ? {} : { num_replicas: replicas }),
    ...(storage === undefined ? {} : { storage }),
    ...(retention === undefined ? {} : { retention }),
    ...(discard === undefined ? {} : { discard }),
    ...(maxAgeMs === undefined ? {} : { max_age: nanos(maxAgeMs) }),
    ...(maxMessages === undefined ? {} : { max_msgs: limit(maxMessages) }),
    ...(maxBytes === undefined ? {} : { max_bytes: limit(maxBytes) }),
    ...(duplicateWindowMs === undefined ? {} : { duplicate_window: nanos(duplicateWindowMs) }),
  };
}

/** The subjects that a stream has and those that it has to get. */
function subjectsOf(there: unknown, wanted: readonly string[]): Fields {
  const known = Array.isArray(there) ? there.map(String) : [];
  const missing = wanted.filter((subject) => !known.some((other) => covers(other, subject)));
  return missing.length === 0 ? {} : { subjects: [...known, ...missing] };
}

function factsOf(answer: Fields, name: string): StreamFacts {
  const config = fieldsOf(answer.config);
  const state = fieldsOf(answer.state);
  return {
    name: typeof config.name === 'string' ? config.name : name,
    created: String(answer.created ?? ''),
    lastSequence: typeof state.last_seq === 'number' ? state.last_seq : 0,
  };
}

/** An object's fields; none for what is no object. */
export function fieldsOf(value: unknown): Fields {
  return typeof value === 'object' && value !== null ? (value as Fields) : {};
}
