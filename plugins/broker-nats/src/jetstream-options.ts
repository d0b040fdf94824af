import { CODE } from '@micro/core';
import { brokerError } from '@micro/core/plugin';
import { limitOf, numberOf } from './numbers.ts';

/** How JetStream keeps messages. What is left out of a stream's limits is not touched on a stream that is there already. */
export interface JetStreamOptions {
  /** One stream for all topics, by its name. Default: the stream that has the topic's subject, or a new one for each topic. */
  readonly stream?: string | undefined;
  /** The subjects of that stream, such as `['users.>']`. Needed with `stream` unless it is there already. */
  readonly subjects?: readonly string[] | undefined;
  /** How many servers keep each message. Default 1; in a cluster of three, 3 survives the loss of one. */
  readonly replicas?: number | undefined;
  /** Default `file`. */
  readonly storage?: 'file' | 'memory' | undefined;
  /** `limits` keeps what was handled until a limit is reached, `interest` until every consumer has handled it. Default `limits`. */
  readonly retention?: 'limits' | 'interest' | undefined;
  /** What a full stream does: lose its `old`est message, or refuse the `new` one with a 429. Default `old`. */
  readonly discard?: 'old' | 'new' | undefined;
  /** How long a message is kept, in milliseconds. Default 7 days; 0 is for ever. */
  readonly maxAgeMs?: number | undefined;
  /** How many messages a stream keeps. Default 1,000,000; 0 is no limit. */
  readonly maxMessages?: number | undefined;
  /** How many bytes a stream keeps, which the server sets aside for it. Default 0, no limit. */
  readonly maxBytes?: number | undefined;
  /** How long the server knows a message again that it was sent twice, in milliseconds. Default 120,000. */
  readonly duplicateWindowMs?: number | undefined;
  /** How soon a message goes to somebody else when its subscriber's process died, in milliseconds. Default 30,000. */
  readonly ackWaitMs?: number | undefined;
  /** How long a queue is kept for without subscribers, in milliseconds. Default 7 days; 0 is for ever. */
  readonly queueTtlMs?: number | undefined;
  /** How long a subscription without a queue is kept for when its process cannot be reached, in milliseconds. Default 300,000. */
  readonly subscriberTtlMs?: number | undefined;
  /** Messages taken from the server at once, at most, for one subscription. Default 256. */
  readonly maxPrefetch?: number | undefined;
  /**
   * Messages that no handler took go to `<deadLetter>.<topic>`, in a stream `DEAD_LETTERS` of their own. Default `dead`; false
   * keeps none.
   */
  readonly deadLetter?: string | false | undefined;
  /** The domain of JetStream, behind a leaf node. Default: none. */
  readonly domain?: string | undefined;
}

/** The same with what is decided here; limits of streams stay as they were given. */
export interface JetStreamSettings {
  readonly given: JetStreamOptions;
  readonly ackWaitMs: number;
  readonly queueTtlMs: number;
  readonly subscriberTtlMs: number;
  readonly maxPrefetch: number;
  readonly deadLetter: string | undefined;
  /** What the subjects of the server's API begin with. */
  readonly api: string;
}

/** The stream that dead letters of every topic are kept in. */
export const DEAD_LETTERS = 'DEAD_LETTERS';

const NAME = /^[A-Za-z0-9_-]{1,100}$/;
const WEEK_MS = 7 * 24 * 3_600_000;

/** The limits of a new stream, where nothing was given. */
export const STREAM_DEFAULTS = {
  replicas: 1,
  storage: 'file',
  retention: 'limits',
  discard: 'old',
  maxAgeMs: WEEK_MS,
  maxMessages: 1_000_000,
  maxBytes: 0,
  duplicateWindowMs: 120_000,
} as const;

/** Throws 400 for names that JetStream does not take. */
function checkNames({ stream, deadLetter, domain }: JetStreamOptions): void {
  for (const [what, name] of Object.entries({ stream, deadLetter, domain })) {
    if (name === undefined || name === false || NAME.test(name)) continue;
    const detail = `jetStream.${what} ${JSON.stringify(name)} is no name: give letters, digits, _ and -`;
    throw brokerError(CODE.badRequest, detail);
  }
}

/** Throws 400 for numbers and words that mean nothing, before a server would. */
function checkLimits(given: JetStreamOptions): void {
  const { storage, retention, discard, replicas, maxAgeMs, maxMessages, maxBytes, duplicateWindowMs } = given;
  for (const [name, number] of Object.entries({ replicas, maxAgeMs, maxMessages, maxBytes, duplicateWindowMs })) {
    numberOf(`jetStream.${name}`, number, 0);
  }
  const words = { storage: ['file', 'memory'], retention: ['limits', 'interest'], discard: ['old', 'new'] };
  for (const [name, word] of Object.entries({ storage, retention, discard })) {
    const wanted = words[name as keyof typeof words];
    if (word === undefined || wanted.includes(word)) continue;
    throw brokerError(CODE.badRequest, `jetStream.${name} is ${JSON.stringify(word)}: give ${wanted.join(' or ')}`);
  }
}

/** Fills in the defaults; `undefined` when JetStream is not wanted. */
export function jetStreamSettings(options: boolean | JetStreamOptions | undefined): JetStreamSettings | undefined {
  if (options === undefined || options === false) return undefined;
  const given = options === true ? {} : options;
  const { deadLetter = 'dead', domain } = given;
  checkNames(given);
  checkLimits(given);
  return {
    given,
    ackWaitMs: Math.max(1_000, numberOf('jetStream.ackWaitMs', given.ackWaitMs, 30_000)),
    queueTtlMs: limitOf('jetStream.queueTtlMs', given.queueTtlMs, WEEK_MS),
    subscriberTtlMs: limitOf('jetStream.subscriberTtlMs', given.subscriberTtlMs, 300_000),
    maxPrefetch: Math.max(1, numberOf('jetStream.maxPrefetch', given.maxPrefetch, 256)),
    deadLetter: deadLetter === false ? undefined : deadLetter,
    api: domain === undefined ? '$JS.API' : `$JS.${domain}.API`,
  };
}
