import { randomUUID } from 'node:crypto';
import type { Broker, BrokerMessage } from '../contract/broker.ts';
import type { PublishOptions } from '../contract/client.ts';
import type { Codec } from '../contract/codec.ts';
import type { Context } from '../contract/context.ts';
import { HEADER } from '../contract/header.ts';
import { CODE } from '../error/code.ts';
import { MicroError } from '../error/micro-error.ts';
import { createMetadata, headerFrom } from '../util/metadata.ts';

/** Publish options from what a publisher passed: options as they are, of a context what an event can carry on. */
export function publishOptions(given: PublishOptions | Context | undefined): PublishOptions {
  if (given === undefined || !('forward' in given)) return given ?? {};
  const { metadata, signal } = given.forward();
  return { metadata, signal };
}

/** An event as go-micro publishes it: the metadata, and the content type, the topic and an id of its own. */
export function eventMessage(
  topic: string,
  message: unknown,
  contentType: string,
  codec: Codec,
  { metadata, type }: PublishOptions,
): BrokerMessage {
  const header = headerFrom(createMetadata(metadata)) ?? Object.create(null);
  header[HEADER.CONTENT_TYPE] = contentType;
  header[HEADER.ID] = randomUUID();
  header[HEADER.TOPIC] = topic;
  return { header, body: codec.encode(message, type) };
}

/** The broker of a client, connected: when the first event is published, and again after it was disconnected. */
export async function connectedBroker(broker: Broker | undefined): Promise<Broker> {
  if (broker === undefined) {
    const detail = 'this client has no broker: give its service one to publish';
    throw new MicroError({ id: 'go.micro.client', code: CODE.notImplemented, detail });
  }
  await broker.connect();
  return broker;
}
