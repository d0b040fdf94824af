/** The message every unary call carries there and back, and every message of a stream: 96 bytes of JSON without `text`. */
export interface Body {
  /** Seven digits, another one for each message in flight, so that a reply that went astray is noticed. */
  readonly id: number;
  readonly name: string;
  readonly active: boolean;
  readonly score: number;
  readonly note: string;
  /** Only in `unary-large`: 10,240 characters. */
  readonly text?: string;
}

/** How many messages one stream carries. */
export const STREAM_MESSAGES = 1_000;

/** Ids run from here upwards and start again before an eighth digit: the message is always the same number of bytes. */
const FIRST_ID = 1_000_000;
const LAST_ID = 9_999_999;

const NAME = 'Ada Lovelace';
const NOTE = 'twenty-three characters';
const SCORE = 0.25;
const TEXT = 'micro'.repeat(2_048);

/** A kind of load in which a client calls a server. */
export type CallWork = 'unary-small' | 'unary-large' | 'stream';

/** A kind of load in which a client uses a store. */
export type StoreWork = 'store-write' | 'store-read' | 'store-list';

/** A kind of load of which each piece is asked for and answered. */
export type LoadWork = CallWork | StoreWork | 'registry';

/** A kind of load. */
export type Work = LoadWork | 'events';

/** All kinds of load, in the order the table shows them. */
export const WORKS: readonly Work[] = [
  'unary-small',
  'unary-large',
  'stream',
  'events',
  'store-write',
  'store-read',
  'store-list',
  'registry',
];

/** Whether a work is one with a store. */
export function isStoreWork(work: Work): work is StoreWork {
  return work.startsWith('store-');
}

/** Makes the messages of a work: a fresh object per call, as an application would. */
export function bodies(work: LoadWork): () => Body {
  let id = FIRST_ID - 1;
  const next = () => {
    id = id === LAST_ID ? FIRST_ID : id + 1;
    return id;
  };
  return work === 'unary-large' ? () => largeBody(next()) : () => smallBody(next());
}

/** Message number `index` (from 0) of a stream. */
export function streamBody(index: number): Body {
  return smallBody(FIRST_ID + index);
}

function smallBody(id: number): Body {
  return { id, name: NAME, active: true, score: SCORE, note: NOTE };
}

function largeBody(id: number): Body {
  return { id, name: NAME, active: true, score: SCORE, note: NOTE, text: TEXT };
}

/** Throws unless a reply is the request again, field by field. Values that a peer leaves out when empty count as empty. */
export function checkEcho(reply: Body, request: Body): void {
  if (
    reply.id !== request.id ||
    reply.name !== request.name ||
    reply.active !== request.active ||
    reply.score !== request.score ||
    reply.note !== request.note ||
    (reply.text ?? '') !== (request.text ?? '')
  ) {
    throw new Error(`the reply to message ${request.id} differs from it: ${brief(reply)}`);
  }
}

/** Throws unless a message is number `index` (from 0) of a stream. */
export function checkStreamed(message: Body, index: number): void {
  if (message.id !== FIRST_ID + index || message.name !== NAME || message.note !== NOTE) {
    throw new Error(`message ${index} of a stream is not the one that was sent: ${brief(message)}`);
  }
}

function brief(value: unknown): string {
  return (JSON.stringify(value) ?? 'undefined').slice(0, 200);
}
