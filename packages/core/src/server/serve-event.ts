import type { Delivery } from '../contract/broker.ts';
import type { Header, Message } from '../contract/message.ts';
import type { Socket } from '../contract/transport.ts';
import { answerError, type ServeParts } from './serve-parts.ts';

/** An event that came over the RPC port: a message that names a topic and no endpoint. */
export interface EventRoute {
  readonly topic: string;
  readonly replyHeader: Header;
}

const NO_BODY = new Uint8Array(0);

/**
 * Runs the subscribers of an event and answers with an empty message, or with go-micro's error of those that failed. There
 * is no broker behind it that could bring the event again: whoever sent it decides.
 */
export async function serveEvent(
  socket: Socket,
  message: Message,
  { topic, replyHeader: header }: EventRoute,
  parts: ServeParts,
): Promise<void> {
  parts.began();
  try {
    await parts.dispatch(deliveryOf(topic, message), { address: socket.remote });
    await socket.end({ header, body: NO_BODY });
  } catch (error) {
    answerError(socket, error, header, parts, topic);
  } finally {
    parts.ended();
  }
}

function deliveryOf(topic: string, { header, extra, body }: Message): Delivery {
  const all: Record<string, string> = Object.create(null);
  Object.assign(all, header, extra);
  // The answer is the only acknowledgement that the sender knows.
  return { topic, message: { header: all, body }, ack: async () => {}, nack: async () => {} };
}
